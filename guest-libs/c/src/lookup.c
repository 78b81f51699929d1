/* Looking names up: prepares the list that sock_getaddrinfo fills, and reads it back. What counts as a name, a number
 * or a flag is getaddrinfo's business. */
#include "lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi.h"

/* Error numbers of WasmEdge's sock_getaddrinfo, beyond WASI's. */
#define FIRST_AI_ERROR 77
static const int ai_errors[] = {
    EAI_ADDRFAMILY, EAI_AGAIN,  EAI_BADFLAGS, EAI_FAIL,     EAI_FAMILY, EAI_MEMORY,
    EAI_NODATA,     EAI_NONAME, EAI_SERVICE,  EAI_SOCKTYPE, EAI_SYSTEM,
};
#define AI_ERROR_COUNT ((int)(sizeof ai_errors / sizeof *ai_errors))

#define DATA_BYTES 26 /* what every client of this call gives for an address */

struct node {
    struct gn_addrinfo info;
    struct gn_sockaddr addr;
    uint8_t data[DATA_BYTES];
    char canonname[GN_CANONNAME_BYTES];
};

static int eai_of(int error) {
    if (error >= FIRST_AI_ERROR && error < FIRST_AI_ERROR + AI_ERROR_COUNT) return ai_errors[error - FIRST_AI_ERROR];
    switch (error) {
        case 0:
            return 0;
        case ECANCELED: /* wasi-go, for every failed look-up */
        case ENOENT:
            return EAI_NONAME;
        case EAGAIN:
        case ETIMEDOUT:
            return EAI_AGAIN;
        case ENOMEM:
            return EAI_MEMORY;
        default:
            errno = error;
            return EAI_SYSTEM;
    }
}

static uint16_t host_flags(int flags) {
    return (uint16_t)((flags & AI_PASSIVE ? GN_AI_PASSIVE : 0) | (flags & AI_CANONNAME ? GN_AI_CANONNAME : 0) |
                      (flags & AI_NUMERICHOST ? GN_AI_NUMERICHOST : 0) |
                      (flags & AI_NUMERICSERV ? GN_AI_NUMERICSERV : 0) | (flags & AI_V4MAPPED ? GN_AI_V4MAPPED : 0) |
                      (flags & AI_ALL ? GN_AI_ALL : 0) | (flags & AI_ADDRCONFIG ? GN_AI_ADDRCONFIG : 0));
}

static struct gn_addrinfo hints_of(int flags, int family, int type) {
    struct gn_addrinfo hints = {.flags = host_flags(flags), .family = (uint8_t)family};
    /* WasmEdge's protocols are 1 for TCP and 2 for UDP. */
    if (type == SOCK_STREAM) hints.socktype = GN_TYPE_STREAM, hints.protocol = 1;
    if (type == SOCK_DGRAM) hints.socktype = GN_TYPE_DGRAM, hints.protocol = 2;
    return hints;
}

static struct node *new_list(void) {
    struct node *nodes = calloc(GN_RESULTS_MAX, sizeof *nodes);
    for (size_t i = 0; nodes != NULL && i < GN_RESULTS_MAX; i++) {
        nodes[i].addr.len = DATA_BYTES;
        nodes[i].addr.data = nodes[i].data;
        nodes[i].info.addr = &nodes[i].addr;
        nodes[i].info.canonname = nodes[i].canonname;
        nodes[i].info.canonname_len = GN_CANONNAME_BYTES;
        nodes[i].info.next = i + 1 < GN_RESULTS_MAX ? &nodes[i + 1].info : NULL;
    }
    return nodes;
}

static void add(struct gn_results *results, const struct node *node) {
    struct gn_found found = {.family = (int)(node->addr.family & 0xff)};
    size_t octets = found.family == AF_INET ? 4 : found.family == AF_INET6 ? 16 : 0;
    if (octets == 0) return;
    memcpy(found.octets, node->data + 2, octets);
    for (size_t i = 0; i < results->count; i++)
        if (memcmp(&results->found[i], &found, sizeof found) == 0) return;
    if (results->count == 0) results->port = (uint16_t)(node->data[0] << 8 | node->data[1]);
    if (results->canonname[0] == '\0') memcpy(results->canonname, node->canonname, sizeof results->canonname - 1);
    results->found[results->count++] = found;
}

int __gn_lookup(const char *node, const char *service, int flags, int family, int type, struct gn_results *results) {
    memset(results, 0, sizeof *results);
    struct node *nodes = new_list();
    if (nodes == NULL) return EAI_MEMORY;
    const struct gn_addrinfo hints = hints_of(flags, family, type);
    struct gn_addrinfo *list = &nodes->info;
    size_t count = 0;
    if (node == NULL) node = "";
    if (service == NULL) service = "";
    /* The terminating zeros are counted, as all clients of this call do. */
    int error = __gn_sock_getaddrinfo(node, strlen(node) + 1, service, strlen(service) + 1, &hints, &list,
                                      GN_RESULTS_MAX, &count);
    for (size_t i = 0; error == 0 && i < count && i < GN_RESULTS_MAX; i++) add(results, &nodes[i]);
    free(nodes);
    if (error != 0) return eai_of(error);
    return results->count == 0 ? EAI_NONAME : 0;
}
