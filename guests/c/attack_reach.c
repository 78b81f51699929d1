/* attack_reach: tries to reach a destination by every call of every ABI that takes one, in every encoding that the call
 * takes. Prints one line an attempt: the way, the destination, the errno.
 *
 *   attack_reach PORT ADDRESS...                   TCP connect, UDP connect, sendto
 *   attack_reach --after ALLOWED PORT ADDRESS...   sendto on a socket connected to 127.0.0.1:ALLOWED, among datagrams to it
 *   attack_reach --names PORT NAME...              looks NAME up by both ABIs and reaches for what comes
 *
 * PORT goes into the call as the number that it is, also above 65535. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

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

static void reach(const char *text, u port) {
    connect_all("TCP", WE_STREAM, text, port);
    connect_all("UDP", WE_DGRAM, text, port);
    u fd = opened(strchr(text, ':') != NULL, WE_DGRAM);
    send_all(fd, "", text, port);
    p1_close(fd);
}

static void after(u allowed, u port, const char *text) {
    struct target peer = target("127.0.0.1", allowed);
    u fd = opened(0, WE_DGRAM), sent = 0;
    told("connect to the peer", we_connect(fd, narrow(&peer), allowed));
    told("send", p1_send(fd, header(P("first"), 5), 1, 0, P(&sent)));
    send_all(fd, "connected, ", text, port);
    told("sendto the peer", we_send_to(fd, header(P("second"), 6), 1, narrow(&peer), allowed, 0, P(&sent)));
    /* The association dissolved, the socket keeps its port. */
    unsigned char nobody[128] = {0};
    told("connect to AF_UNSPEC", we_connect(fd, header(P(nobody), 128), 0));
    send_all(fd, "dissolved, ", text, port);
    told("sendto the peer", wamr_send_to(fd, header(P("third"), 5), 1, 0, P(peer.wamr), P(&sent)));
    p1_close(fd);
}

/* The list that sock_getaddrinfo fills in: `addrinfo`, `sockaddr` and its bytes, of each node. */
static struct {
    u info[7], address[3];
    unsigned char data[32];
    char canonical[32];
} nodes[8];

static void by_name(const char *name, u port) {
    char service[16], text[64], way[96];
    u list = P(nodes[0].info), count = 0, error;
    u hints[2] = {0, 0};
    snprintf(service, sizeof service, "%lu", (unsigned long)port);
    memset(nodes, 0, sizeof nodes);
    for (int i = 0; i < 8; i++) {
        nodes[i].info[3] = P(nodes[i].address), nodes[i].info[4] = P(nodes[i].canonical);
        nodes[i].info[6] = i < 7 ? P(nodes[i + 1].info) : 0;
        nodes[i].address[1] = 26, nodes[i].address[2] = P(nodes[i].data);
    }
    error = we_addrinfo(P(name), (u)strlen(name) + 1, P(service), (u)strlen(service) + 1, P(hints), P(&list), 8, P(&count));
    printf("sock_getaddrinfo %s: %s\n", name, error >= 77 ? "EAI" : named(error));
    if (error == 0 && fact("it found something", count > 0)) {
        int v6 = (nodes[0].address[0] & 0xff) == WE_INET6;
        inet_ntop(v6 ? AF_INET6 : AF_INET, nodes[0].data + 2, text, sizeof text);
        snprintf(way, sizeof way, "%s is %s", name, text);
        reach(text, (u)(nodes[0].data[0] << 8 | nodes[0].data[1]));
        printf("%s\n", way);
    }
    unsigned char infos[8][28], any[12] = {0};
    u total = 0;
    error = wamr_resolve(P(name), P(service), P(any), P(infos), 8, P(&total));
    printf("sock_addr_resolve %s: %s\n", name, named(error));
    if (error == 0) {
        u fd = opened(infos[0][0] == 1, WE_STREAM);
        line("WAMR TCP connect", name, wamr_connect(fd, P(infos[0])));
        p1_close(fd);
    }
}

int main(int argc, char **argv) {
    int names = argc > 1 && strcmp(argv[1], "--names") == 0;
    if (argc > 4 && strcmp(argv[1], "--after") == 0) {
        for (int i = 4; i < argc; i++)
            after((u)strtoul(argv[2], NULL, 0), (u)strtoul(argv[3], NULL, 0), argv[i]);
        return 0;
    }
    int first = names ? 2 : 1;
    for (int i = first + 1; i < argc; i++) {
        u port = (u)strtoul(argv[first], NULL, 0);
        if (names)
            by_name(argv[i], port);
        else
            reach(argv[i], port);
    }
    return 0;
}

#endif
