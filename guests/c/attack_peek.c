/* attack_peek PORT: looks at datagrams by every call of every ABI with its flag for it, and throws each away by a receive without
 * room, until it is refused: "CALL: saw BYTES then ERRNO". In each round it asks its peer, 127.0.0.1:PORT, for one more datagram of
 * a hundred bytes, by an empty one. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static const char *const calls[] = {"sock_recv", "sock_recv_v2", "sock_recv_from v1", "sock_recv_from v2", "sock_recv_from_v2",
                                    "WAMR sock_recv_from"};
enum { CALLS = 6 };

static u receive(int call, u fd, u room, u length, u flags, u *got) {
    static unsigned char from[128];
    static u port, roflags[2];
    u iovs = header(room, length), g = P(got), r = P(roflags);
    switch (call) {
    case 0: return p1_recv(fd, iovs, 1, flags, g, r);
    case 1: return named_recv(fd, iovs, 1, flags, g, r);
    case 2: return v1_recv_from(fd, iovs, 1, header(P(from), 16), flags, g, r);
    case 3: return v2_recv_from(fd, iovs, 1, header(P(from), 128), flags, P(&port), g, r);
    case 4: return named_recv_from(fd, iovs, 1, header(P(from), 128), flags, P(&port), g, r);
    default: return wamr_recv_from(fd, iovs, 1, flags, P(from), g);
    }
}

int main(int argc, char **argv) {
    static unsigned char room[4096];
    if (argc < 2) return 2;
    u port = (u)strtoul(argv[1], NULL, 0), fd = opened(0, WE_DGRAM), sent;
    struct target peer = target("127.0.0.1", port);
    u seen = 0, error = 0;
    for (int round = 0; round < 1000 && error == 0; round++) {
        int call = round % CALLS;
        u got = 0;
        error = we_send_to(fd, header(P(room), 0), 1, narrow(&peer), port, 0, P(&sent));
        if (error == 0) error = receive(call, fd, P(room), sizeof room, 1, &got);
        if (error == 0) seen += got, error = receive(call, fd, P(room), 0, 0, &got);
        if (error != 0) printf("%s: saw %u then %s\n", calls[call], seen, named(error));
    }
    /* No other call shows more. */
    for (int call = 0; call < CALLS; call++) {
        u got = 0;
        error = receive(call, fd, P(room), sizeof room, 1, &got);
        printf("%s: %s\n", calls[call], named(error));
    }
    return 0;
}

#endif
