/* attack_reach.h: tries to reach a destination by every call of every ABI that takes one, in every encoding that the call
 * takes, and prints a line an attempt: the way, the destination, the errno. Included after attack.h, for wasm only. */
#ifndef GUESTNET_ATTACK_REACH_H
#define GUESTNET_ATTACK_REACH_H

static const char payload[] = "forbidden";

static void line(const char *way, const char *to, u error) { printf("%s to %s: %s\n", way, to, named(error)); }

/* Every way to send one datagram from `fd`. */
static void send_all(u fd, const char *prefix, const char *text, u port) {
    struct target t = target(text, port);
    u data = header(P(payload), sizeof payload - 1), sent = 0;
    char way[96];
#define SEND(name, call) (snprintf(way, sizeof way, "%s%s sendto", prefix, name), line(way, text, call))
    SEND("WasmEdge", we_send_to(fd, data, 1, narrow(&t), port, 0, P(&sent)));
    SEND("WasmEdge 128", we_send_to(fd, data, 1, wide(&t), port, 0, P(&sent)));
    SEND("_v2", named_send_to(fd, data, 1, narrow(&t), port, 0, P(&sent)));
    SEND("_v2 128", named_send_to(fd, data, 1, wide(&t), port, 0, P(&sent)));
    if (port <= 0xffff) SEND("WAMR", wamr_send_to(fd, data, 1, 0, P(t.wamr), P(&sent)));
#undef SEND
}

static void connect_all(const char *protocol, int kind, const char *text, u port) {
    struct target t = target(text, port);
    char way[96];
    u fd;
#define CONNECT(name, call)                                                                          \
    (fd = opened(t.v6, kind), snprintf(way, sizeof way, "%s %s connect", name, protocol), line(way, text, call), \
     p1_close(fd))
    CONNECT("WasmEdge", we_connect(fd, narrow(&t), port));
    CONNECT("WasmEdge 128", we_connect(fd, wide(&t), port));
    CONNECT("_v2", named_connect(fd, narrow(&t), port));
    CONNECT("_v2 128", named_connect(fd, wide(&t), port));
    if (port <= 0xffff) CONNECT("WAMR", wamr_connect(fd, P(t.wamr)));
#undef CONNECT
}

T_UNUSED static void reach(const char *text, u port) {
    connect_all("TCP", WE_STREAM, text, port);
    connect_all("UDP", WE_DGRAM, text, port);
    u fd = opened(strchr(text, ':') != NULL, WE_DGRAM);
    send_all(fd, "", text, port);
    p1_close(fd);
}

/* The list that sock_getaddrinfo fills in: `addrinfo`, `sockaddr` and its bytes, of each node. */
enum { NODES = 8 };
static struct {
    u info[7], address[3];
    unsigned char data[32];
    char canonical[32];
} nodes[NODES];

/* Looks a name of so many bytes up; the errno, and how many nodes there are. */
T_UNUSED static u look_we(const void *name, u length, const char *service, u *count) {
    u list = P(nodes[0].info), hints[2] = {0, 0};
    memset(nodes, 0, sizeof nodes);
    for (int i = 0; i < NODES; i++) {
        nodes[i].info[3] = P(nodes[i].address), nodes[i].info[4] = P(nodes[i].canonical);
        nodes[i].info[6] = i + 1 < NODES ? P(nodes[i + 1].info) : 0;
        nodes[i].address[1] = 26, nodes[i].address[2] = P(nodes[i].data);
    }
    return we_addrinfo(P(name), length, P(service), (u)strlen(service) + 1, P(hints), P(&list), NODES, P(count));
}

/* The address of a node as text. */
T_UNUSED static const char *node_text(int i, char text[INET6_ADDRSTRLEN]) {
    int v6 = (nodes[i].address[0] & 0xff) == WE_INET6;
    return inet_ntop(v6 ? AF_INET6 : AF_INET, nodes[i].data + 2, text, INET6_ADDRSTRLEN);
}

#endif
