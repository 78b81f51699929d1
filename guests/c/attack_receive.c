/* attack_receive: receives by every call of every ABI, with buffers of every shape, and looks in its memory for what it
 * must not have. Each round it sends the round's number to its peer, 127.0.0.1:PEER, and receives once. The test sends
 * a datagram from somebody who is forbidden and then one from the peer.
 *
 *   attack_receive bound|autobound PEER   prints "rounds N" first, then a line a round
 *
 * "only forbidden" rounds get nothing but the forbidden datagram, on a non-blocking socket that poll calls readable. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

enum { ROOM = 4096, FILL = 0xaa };
static unsigned char room[ROOM];
static u iovecs[8];

static const char *const calls[] = {"sock_recv", "sock_recv_v2", "sock_recv_from v1", "sock_recv_from v2", "sock_recv_from_v2",
                                    "WAMR sock_recv_from", "fd_read"};
static const char *const shapes[] = {"one buffer", "three buffers", "backwards", "overlapping", "none"};
enum { CALLS = 7, SHAPES = 5 };

/* Lays the iovecs out; gives their number back. */
static u shape(int which) {
    u base = P(room);
    switch (which) {
    case 0: iovecs[0] = base, iovecs[1] = 2000; return 1;
    case 1:
        for (u i = 0; i < 3; i++) iovecs[2 * i] = base + 500 * i, iovecs[2 * i + 1] = 5;
        return 3;
    case 2:
        for (u i = 0; i < 3; i++) iovecs[2 * i] = base + 500 * (2 - i), iovecs[2 * i + 1] = 5;
        return 3;
    case 3: iovecs[0] = base, iovecs[1] = 6, iovecs[2] = base + 3, iovecs[3] = 600; return 2;
    default: return 0;
    }
}

static u receive(int call, u fd, u count, u flags, u *got) {
    static unsigned char from[128];
    static u port, roflags[2];
    u iovs = P(iovecs), g = P(got), r = P(roflags);
    switch (call) {
    case 0: return p1_recv(fd, iovs, count, flags, g, r);
    case 1: return named_recv(fd, iovs, count, flags, g, r);
    case 2: return v1_recv_from(fd, iovs, count, header(P(from), 16), flags, g, r);
    case 3: return v2_recv_from(fd, iovs, count, header(P(from), 128), flags, P(&port), g, r);
    case 4: return named_recv_from(fd, iovs, count, header(P(from), 128), flags, P(&port), g, r);
    case 5: return wamr_recv_from(fd, iovs, count, flags, P(from), g);
    default: return p1_read(fd, iovs, count, g);
    }
}

/* What the memory shows: the letters of the peer's datagrams are 'a', those of the forbidden one's 'F'. */
static void look(void) {
    int allowed = 0, forbidden = 0, other = 0;
    for (int i = 0; i < ROOM; i++) {
        allowed += room[i] == 'a';
        forbidden += room[i] == 'F';
        other += room[i] != 'a' && room[i] != 'F' && room[i] != FILL;
    }
    printf(" allowed %d forbidden %d other %d\n", allowed, forbidden, other);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    u port = (u)strtoul(argv[2], NULL, 0), fd = opened(0, WE_DGRAM), sent, got, error;
    struct target here = target("127.0.0.1", 0), peer = target("127.0.0.1", port);
    if (strcmp(argv[1], "bound") == 0) report("bind", we_bind(fd, narrow(&here), 0));
    printf("rounds %d\n", CALLS * SHAPES * 3);
    for (int round = 0; round < CALLS * SHAPES * 3; round++) {
        int call = round % CALLS, form = round / CALLS % SHAPES, mode = round / CALLS / SHAPES;
        u flags = mode == 1 && call < 6 ? 1 : 0;
        p1_set_flags(fd, mode == 2 ? 4 : 0);
        char number[16];
        snprintf(number, sizeof number, "%s", mode == 2 ? "forbidden" : "both");
        error = we_send_to(fd, header(P(number), (u)strlen(number)), 1, narrow(&peer), port, 0, P(&sent));
        if (error != 0) {
            printf("cannot go on, sendto: %s\n", named(error));
            return 1;
        }
        if (mode == 2) {
            struct subscription s = subscription(7, 1, fd);
            struct event e;
            p1_poll(P(&s), P(&e), 1, P(&got));
        }
        memset(room, FILL, sizeof room);
        got = 0;
        u count = shape(form);
        error = receive(call, fd, count, flags, &got);
        printf("%s, %s, %s: %s", calls[call], shapes[form],
               mode == 0 ? "taken" : mode == 1 ? "peeked" : "only forbidden", named(error));
        look();
        /* What was peeked at, or was not taken by a read without room, is still there. */
        if (mode < 2 && (flags == 1 || (call == 6 && form == 4))) {
            memset(room, FILL, sizeof room);
            shape(0);
            error = receive(0, fd, 1, 0, &got);
            printf("then taken: %s", named(error));
            look();
        }
    }
    return 0;
}

#endif
