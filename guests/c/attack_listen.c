/* attack_listen: every way to take a local address or to be reached: bind in every encoding of every ABI, listen without
 * bind, and joining a multicast group. Prints one line an attempt.
 *
 *   attack_listen PORT ADDRESS...   binds TCP and UDP to each address, then the ways without an address */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static void bind_all(const char *text, u port, int kind) {
    struct target t = target(text, port);
    const char *protocol = kind == WE_STREAM ? "TCP" : "UDP";
    u fd;
#define BIND(name, call) \
    (fd = opened(t.v6, kind), printf("%s %s bind to %s: %s\n", name, protocol, text, named(call)), p1_close(fd))
    BIND("WasmEdge", we_bind(fd, narrow(&t), port));
    BIND("WasmEdge 128", we_bind(fd, wide(&t), port));
    BIND("_v2", named_bind(fd, narrow(&t), port));
    BIND("_v2 128", named_bind(fd, wide(&t), port));
    if (port <= 0xffff) BIND("WAMR", wamr_bind(fd, P(t.wamr)));
#undef BIND
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    for (int i = 2; i < argc; i++) {
        bind_all(argv[i], (u)strtoul(argv[1], NULL, 0), WE_STREAM);
        bind_all(argv[i], (u)strtoul(argv[1], NULL, 0), WE_DGRAM);
    }
    for (int v6 = 0; v6 < 2; v6++) {
        u fd = opened(v6, WE_STREAM), out = 0, got = 0;
        printf("%s listen without bind: %s\n", v6 ? "IPv6" : "IPv4", named(we_listen(fd, 5)));
        printf("%s listen_v2 without bind: %s\n", v6 ? "IPv6" : "IPv4", named(named_listen(fd, 5)));
        p1_set_flags(fd, 4);
        printf("accept on it: %s\n", named(p1_accept(fd, 0, P(&out))));
        p1_close(fd);

        fd = opened(v6, WE_DGRAM);
        p1_set_flags(fd, 4);
        char byte;
        printf("%s UDP receive without bind: %s\n", v6 ? "IPv6" : "IPv4",
               named(p1_recv(fd, header(P(&byte), 1), 1, 0, P(&got), P(&out))));
        struct target group = target(v6 ? "ff02::1234" : "239.1.2.3", 0);
        printf("WAMR join: %s\n", named(wamr_join(fd, P(group.wamr), v6 ? 1 : 0x0100007fu)));
        unsigned char membership[20] = {0};
        memcpy(membership, group.octets, 16), membership[16] = 1;
        if (v6) printf("IPV6_JOIN_GROUP: %s\n", named(we_setsockopt(fd, 41, 20, P(membership), 20)));
        p1_close(fd);
    }
    return 0;
}

#endif
