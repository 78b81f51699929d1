/* getaddrinfo, freeaddrinfo. Numbers, wildcards and wrong arguments are answered here; names of hosts and services go
 * to the host. The order of checks and of results is glibc's, so that a program sees what it sees on Linux. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lookup.h"

#define KNOWN_FLAGS \
    (AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG | AI_NUMERICSERV)
#define KINDS 2

struct kind {
    int type;
    int protocol;
    uint16_t port; /* host order */
};
static const struct kind kinds[KINDS] = {{SOCK_STREAM, IPPROTO_TCP, 0}, {SOCK_DGRAM, IPPROTO_UDP, 0}};

/* One piece of memory a result, so that freeaddrinfo frees node by node. */
struct block {
    struct addrinfo info;
    struct sockaddr_storage addr;
};

static int check_hints(const char *node, const char *service, const struct addrinfo *hints) {
    if (node == NULL && service == NULL) return EAI_NONAME;
    if (hints->ai_flags & ~KNOWN_FLAGS) return EAI_BADFLAGS;
    if ((hints->ai_flags & AI_CANONNAME) && node == NULL) return EAI_BADFLAGS;
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET && hints->ai_family != AF_INET6) return EAI_FAMILY;
    return 0;
}

/* The socket types that the hints allow. */
static int choose_kinds(const struct addrinfo *hints, struct kind chosen[KINDS], int *count) {
    *count = 0;
    for (int i = 0; i < KINDS; i++)
        if ((hints->ai_socktype == 0 || hints->ai_socktype == kinds[i].type) &&
            (hints->ai_protocol == 0 || hints->ai_protocol == kinds[i].protocol))
            chosen[(*count)++] = kinds[i];
    if (*count != 0) return 0;
    return hints->ai_socktype != 0 ? EAI_SOCKTYPE : EAI_SERVICE;
}

/* A port number as glibc reads one: an empty text is 0, signs are taken. False when it is a name. */
static bool is_port(const char *service, unsigned long *port) {
    char *end;
    *port = strtoul(service, &end, 10);
    return *end == '\0';
}

/* Fills in the ports. Kinds for which the service has none drop out. */
static int find_ports(const char *service, int flags, struct kind chosen[KINDS], int *count) {
    unsigned long port = 0;
    if (service == NULL || is_port(service, &port)) {
        if (port > 65535) return EAI_SERVICE;
        for (int i = 0; i < *count; i++) chosen[i].port = (uint16_t)port;
        return 0;
    }
    if (flags & AI_NUMERICSERV) return EAI_NONAME;
    struct gn_results *results = malloc(sizeof *results);
    if (results == NULL) return EAI_MEMORY;
    int kept = 0;
    int failure = EAI_SERVICE;
    for (int i = 0; i < *count; i++) {
        int error = __gn_lookup("127.0.0.1", service, AI_NUMERICHOST, AF_INET, chosen[i].type, results);
        if (error == 0 && results->port != 0) {
            chosen[kept] = chosen[i];
            chosen[kept++].port = results->port;
        } else if (error == EAI_SYSTEM || error == EAI_MEMORY || error == EAI_AGAIN) {
            failure = error;
        }
    }
    free(results);
    *count = kept;
    return kept == 0 ? failure : 0;
}

static void add(struct gn_results *results, int family, const void *octets, uint32_t scope) {
    struct gn_found *found = &results->found[results->count++];
    memset(found, 0, sizeof *found);
    found->family = family;
    found->scope = scope;
    memcpy(found->octets, octets, family == AF_INET ? 4 : 16);
}

/* No node: this machine, or any address to listen on. glibc's order differs between the two. */
static void local(const struct addrinfo *hints, struct gn_results *results) {
    bool passive = hints->ai_flags & AI_PASSIVE;
    const struct in6_addr v6 = passive ? (struct in6_addr)IN6ADDR_ANY_INIT : (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    const uint32_t v4 = htonl(passive ? INADDR_ANY : INADDR_LOOPBACK);
    if (hints->ai_family != AF_INET && !(passive && hints->ai_family == AF_UNSPEC)) add(results, AF_INET6, &v6, 0);
    if (hints->ai_family != AF_INET6) add(results, AF_INET, &v4, 0);
    if (passive && hints->ai_family == AF_UNSPEC) add(results, AF_INET6, &v6, 0);
}

/* A numeric scope after '%'; interface names are unknown here. */
static bool split_scope(const char *node, char address[INET6_ADDRSTRLEN], uint32_t *scope) {
    const char *percent = strchr(node, '%');
    size_t len = percent == NULL ? strlen(node) : (size_t)(percent - node);
    *scope = 0;
    if (len >= INET6_ADDRSTRLEN) return false;
    memcpy(address, node, len);
    address[len] = '\0';
    if (percent == NULL) return true;
    char *end;
    *scope = (uint32_t)strtoul(percent + 1, &end, 10);
    return percent[1] >= '0' && percent[1] <= '9' && *end == '\0';
}

#define NOT_NUMERIC 1 /* no EAI_* is positive */

/* A node in digits, in any form that inet_aton knows. */
static int numeric(const char *node, const struct addrinfo *hints, struct gn_results *results) {
    struct in_addr v4;
    if (inet_aton(node, &v4)) {
        if (hints->ai_family != AF_INET6) {
            add(results, AF_INET, &v4, 0);
        } else if (hints->ai_flags & AI_V4MAPPED) {
            uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
            memcpy(mapped + 12, &v4, 4);
            add(results, AF_INET6, mapped, 0);
        } else {
            return EAI_ADDRFAMILY;
        }
        return 0;
    }
    char address[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    uint32_t scope;
    if (!split_scope(node, address, &scope) || inet_pton(AF_INET6, address, &v6) != 1)
        return hints->ai_flags & AI_NUMERICHOST ? EAI_NONAME : NOT_NUMERIC;
    if (hints->ai_family == AF_INET) return EAI_ADDRFAMILY;
    add(results, AF_INET6, &v6, scope);
    return 0;
}

static int find_addresses(const char *node, const struct addrinfo *hints, struct gn_results *results) {
    results->count = 0;
    results->canonname[0] = '\0';
    if (node == NULL) {
        local(hints, results);
        return 0;
    }
    if (*node == '\0') return EAI_NONAME;
    int error = numeric(node, hints, results);
    if (error == NOT_NUMERIC) error = __gn_lookup(node, NULL, hints->ai_flags, hints->ai_family, SOCK_STREAM, results);
    /* Without a canonical name from the host, the name that was asked for is the best there is. */
    if (error == 0 && results->canonname[0] == '\0' && strlen(node) < sizeof results->canonname)
        strcpy(results->canonname, node);
    return error;
}

static struct addrinfo *new_result(const struct gn_found *found, const struct kind *kind, int flags) {
    struct block *block = calloc(1, sizeof *block);
    if (block == NULL) return NULL;
    struct addrinfo *info = &block->info;
    info->ai_flags = flags;
    info->ai_family = found->family;
    info->ai_socktype = kind->type;
    info->ai_protocol = kind->protocol;
    info->ai_addr = (struct sockaddr *)&block->addr;
    if (found->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&block->addr;
        info->ai_addrlen = sizeof *in;
        in->sin_family = AF_INET;
        in->sin_port = htons(kind->port);
        memcpy(&in->sin_addr, found->octets, 4);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&block->addr;
        info->ai_addrlen = sizeof *in6;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(kind->port);
        in6->sin6_scope_id = found->scope;
        memcpy(&in6->sin6_addr, found->octets, 16);
    }
    return info;
}

/* Every address with every kind, and the canonical name on the first. */
static int build(const struct gn_results *results, const struct kind *chosen, int count, int flags,
                 struct addrinfo **list) {
    struct addrinfo *first = NULL;
    struct addrinfo **next = &first;
    for (size_t i = 0; i < results->count; i++)
        for (int k = 0; k < count; k++) {
            *next = new_result(&results->found[i], &chosen[k], flags);
            if (*next == NULL) return freeaddrinfo(first), EAI_MEMORY;
            next = &(*next)->ai_next;
        }
    if (flags & AI_CANONNAME) {
        first->ai_canonname = strdup(results->canonname);
        if (first->ai_canonname == NULL) return freeaddrinfo(first), EAI_MEMORY;
    }
    *list = first;
    return 0;
}

int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict wanted,
                struct addrinfo **restrict list) {
    struct addrinfo hints = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG}; /* what no hints mean */
    struct kind chosen[KINDS];
    int count;
    if (wanted != NULL) hints = *wanted;
    /* glibc takes "*" for no name. */
    if (node != NULL && strcmp(node, "*") == 0) node = NULL;
    if (service != NULL && strcmp(service, "*") == 0) service = NULL;

    int error = check_hints(node, service, &hints);
    if (error == 0) error = choose_kinds(&hints, chosen, &count);
    if (error == 0) error = find_ports(service, hints.ai_flags, chosen, &count);
    if (error != 0) return error;
    struct gn_results *results = malloc(sizeof *results);
    if (results == NULL) return EAI_MEMORY;
    error = find_addresses(node, &hints, results);
    if (error == 0) error = build(results, chosen, count, hints.ai_flags, list);
    free(results);
    return error;
}

void freeaddrinfo(struct addrinfo *list) {
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list->ai_canonname);
        free(list);
        list = next;
    }
}
