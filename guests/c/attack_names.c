/* attack_names: looks names up in one of the ways there are, and then reaches by every call for what came.
 *
 *   attack_names WAY PORT NAME...   WAY is wasmedge, wamr, udp or tcp (DNS to the server of resolv.conf), udp-elsewhere or
 *                                   tcp-elsewhere (DNS to another), udp-v6 or tcp-v6 (to another by IPv6). @ADDRESS is not looked up, only reached for;
 *                                   ?NAME is only looked up
 *   attack_names odd NAME           DNS queries that are not just for an address: the code of each answer
 *   attack_names wait NAME          asks by DNS, says "port N" of the asking socket, and who answers first
 *
 * In a name \xNN is a byte; \x2e is a dot within a label. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

#include "attack_reach.h"

enum { MOST = 16, PATIENCE_MS = 60000 };
static const char stub[] = "192.0.2.53", elsewhere[] = "198.51.100.53", v6[] = "2001:db8::53";

/* What a look-up found. */
static char found[MOST][INET6_ADDRSTRLEN];
static int found_count;

static void add(int family, const void *octets) {
    if (found_count < MOST) inet_ntop(family, octets, found[found_count++], sizeof found[0]);
}

/* The bytes that a text stands for, and a NUL; their number without it. */
static u plain(const char *text, char *bytes) {
    u length = 0;
    for (; *text != '\0'; text++) {
        unsigned value;
        if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &value) == 1)
            bytes[length++] = (char)value, text += 3;
        else
            bytes[length++] = *text;
    }
    bytes[length] = '\0';
    return length;
}

/* The same as labels with their lengths. */
static u wire(const char *text, unsigned char *bytes) {
    u length = 0;
    while (*text != '\0') {
        char label[256];
        size_t end = strcspn(text, "."), from = length++;
        char part[256];
        snprintf(part, sizeof part, "%.*s", (int)end, text);
        u count = plain(part, label);
        memcpy(bytes + length, label, count);
        bytes[from] = (unsigned char)count, length += count;
        text += end + (text[end] == '.');
    }
    bytes[length++] = 0;
    return length;
}

static const char *eai(u error) {
    static const char *const names[] = {"EAI_ADDRFAMILY", "EAI_AGAIN",  "EAI_BADFLAGS", "EAI_FAIL",
                                        "EAI_FAMILY",     "EAI_MEMORY", "EAI_NODATA",   "EAI_NONAME",
                                        "EAI_SERVICE",    "EAI_SOCKTYPE"};
    return error >= 77 && error - 77 < sizeof names / sizeof *names ? names[error - 77] : named(error);
}

static const char *by_wasmedge(const char *text) {
    char name[512], line[INET6_ADDRSTRLEN];
    u count = 0, error = look_we(name, plain(text, name), "1", &count);
    for (u i = 0; error == 0 && i < count && found_count < MOST; i++)
        snprintf(found[found_count++], sizeof found[0], "%s", node_text((int)i, line));
    return eai(error);
}

static const char *by_wamr(const char *text) {
    char name[512];
    unsigned char infos[MOST][28], hints[12] = {0};
    u total = 0, stream = 1;
    plain(text, name);
    memcpy(hints, &stream, 4), hints[8] = 1;
    u any = 2; /* no family in particular */
    memcpy(hints + 4, &any, 4);
    u error = wamr_resolve(P(name), P("1"), P(hints), P(infos), MOST, P(&total));
    for (u i = 0; error == 0 && i < total && i < MOST; i++) {
        unsigned char octets[16];
        for (int at = 0; at < 16; at++) octets[at] = infos[i][4 + (infos[i][0] == 1 ? at ^ 1 : at)];
        add(infos[i][0] == 1 ? AF_INET6 : AF_INET, octets);
    }
    return named(error);
}

/* One DNS message there and back; the length of the answer, 0 if the connection ends or is refused. */
static u exchange(int tcp, const char *server, const unsigned char *query, u length, unsigned char *reply, u room) {
    struct target t = target(server, 53);
    u fd = opened(t.v6, tcp ? WE_STREAM : WE_DGRAM), count = 0, flags = 0, whole = 0;
    unsigned char framed[1024] = {(unsigned char)(length >> 8), (unsigned char)length};
    memcpy(framed + 2, query, length);
    u error = we_connect(fd, narrow(&t), 53);
    if (error == 0) error = p1_send(fd, header(P(tcp ? framed : framed + 2), length + (tcp ? 2 : 0)), 1, 0, P(&count));
    if (error != 0) printf("  to %s: %s\n", server, named(error));
    while (error == 0 && revents_now((int)fd, POLLIN, PATIENCE_MS) != 0) {
        error = p1_recv(fd, header(P(reply + whole), room - whole), 1, 0, P(&count), P(&flags));
        whole += error == 0 ? count : 0;
        if (!tcp || count == 0) break;
        if (whole >= 2 && whole >= 2u + (u)(reply[0] << 8 | reply[1])) break;
    }
    p1_close(fd);
    if (tcp && whole >= 2) memmove(reply, reply + 2, whole -= 2);
    return whole;
}

/* A query for one name and type, recursion desired. */
static u question(const char *text, u type, unsigned char *query) {
    static u id = 7000;
    memset(query, 0, 12);
    id++;
    query[0] = (unsigned char)(id >> 8), query[1] = (unsigned char)id, query[2] = 1, query[5] = 1;
    u length = 12 + wire(text, query + 12);
    query[length++] = (unsigned char)(type >> 8), query[length++] = (unsigned char)type;
    query[length++] = 0, query[length++] = 1;
    return length;
}

static u skip_name(const unsigned char *message, u length, u at) {
    while (at < length && message[at] != 0 && message[at] < 0xc0) at += 1u + message[at];
    return at + (at < length && message[at] >= 0xc0 ? 2 : 1);
}

static const char *code_of(const unsigned char *reply, u length) {
    static const char *const codes[] = {"ok", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    if (length < 12) return "no answer";
    u code = reply[3] & 15;
    return code < sizeof codes / sizeof *codes ? codes[code] : "another code";
}

static const char *by_dns(int tcp, const char *server, const char *text) {
    const char *first = NULL;
    for (u type = 1; type <= 28; type += 27) {
        unsigned char query[1000], reply[4096];
        u length = exchange(tcp, server, query, question(text, type, query), reply, sizeof reply);
        if (first == NULL) first = code_of(reply, length);
        if (length < 12) continue;
        u at = skip_name(reply, length, 12) + 4;
        for (u records = (u)(reply[6] << 8 | reply[7]); records > 0 && at < length; records--) {
            at = skip_name(reply, length, at);
            if (at + 10 > length) break;
            u kind = (u)(reply[at] << 8 | reply[at + 1]), size = (u)(reply[at + 8] << 8 | reply[at + 9]);
            if (kind == 1 && size == 4) add(AF_INET, reply + at + 10);
            if (kind == 28 && size == 16) add(AF_INET6, reply + at + 10);
            at += 10 + size;
        }
    }
    return first;
}

static void look(const char *way, const char *text, u port) {
    found_count = 0;
    if (text[0] == '?') text++, port = 0;
    if (text[0] == '@')
        snprintf(found[found_count++], sizeof found[0], "%s", text + 1);
    else {
        const char *result = strcmp(way, "wasmedge") == 0 ? by_wasmedge(text)
                             : strcmp(way, "wamr") == 0   ? by_wamr(text)
                                                          : by_dns(strncmp(way, "tcp", 3) == 0,
                                                                   strchr(way, '-') == NULL    ? stub
                                                                   : strstr(way, "v6") != NULL ? v6
                                                                                               : elsewhere,
                                                                   text);
        printf("%s %s: %s", way, text, result);
        for (int i = 0; i < found_count; i++) printf(" %s", found[i]);
        printf("\n");
    }
    for (int i = 0; port != 0 && i < found_count; i++) reach(found[i], port);
}

/* Queries by which a program could say something to a server. */
static void odd(const char *text) {
    static const struct {
        const char *name;
        u type;
    } types[] = {{"A", 1},    {"NS", 2},     {"CNAME", 5},  {"NULL", 10}, {"PTR", 12},  {"MX", 15},   {"TXT", 16},
                 {"SRV", 33}, {"NAPTR", 35}, {"HTTPS", 65}, {"IXFR", 251}, {"AXFR", 252}, {"ANY", 255}, {"65280", 65280}};
    unsigned char query[1000], reply[4096];
    u length;
    for (int tcp = 0; tcp < 2; tcp++)
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            length = exchange(tcp, elsewhere, query, question(text, types[i].type, query), reply, sizeof reply);
            printf("%s %s: %s\n", tcp ? "tcp" : "udp", types[i].name, code_of(reply, length));
        }
#define ODD(what, change)                                                             \
    length = question(text, 1, query);                                                \
    change;                                                                           \
    length = exchange(1, stub, query, length, reply, sizeof reply);                   \
    printf("%s: %s\n", what, code_of(reply, length))
    ODD("class CH", query[length - 1] = 3);
    ODD("NOTIFY", query[2] = 4 << 3);
    ODD("UPDATE", query[2] = 5 << 3);
    ODD("two questions", query[5] = 2; memcpy(query + length, query + 12, length - 12); length += length - 12);
    ODD("a response", query[2] |= 0x80);
    ODD("half a question", length -= 3);
    ODD("a pointer to itself", query[12] = 0xc0; query[13] = 12; memcpy(query + 14, "\0\1\0\1", 4); length = 18);
    ODD("no question", query[5] = 0; length = 12);
#undef ODD
}

/* On a socket that is connected to no peer, so that the system drops nothing by itself. */
static void wait_for_answer(const char *text) {
    unsigned char query[1000], reply[4096];
    char from[INET6_ADDRSTRLEN];
    int fd = udp(AF_INET);
    u length = question(text, 1, query);
    must("sendto", send_to(fd, query, length, ip(stub, 53)));
    printf("port %d\n", port_of(local_addr(fd)));
    struct addr peer = {.len = sizeof peer.storage};
    ssize_t count = recvfrom(fd, reply, sizeof reply, 0, &peer.sa, &peer.len);
    inet_ntop(AF_INET, &peer.in.sin_addr, from, sizeof from);
    printf("%s answers, the identifier is %s: %s", from, memcmp(reply, query, 2) == 0 ? "right" : "wrong",
           code_of(reply, count < 0 ? 0 : (u)count));
    if (count > 4) printf(", the last byte is %u", reply[count - 1]);
    printf("\n");
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "wait") == 0) {
        wait_for_answer(argv[2]);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "odd") == 0) {
        for (int i = 2; i < argc; i++) odd(argv[i]);
        return 0;
    }
    for (int i = 3; i < argc; i++) look(argv[1], argv[i], (u)strtoul(argv[2], NULL, 0));
    return 0;
}

#endif
