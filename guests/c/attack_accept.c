/* attack_accept: takes connections from the pre-opened listener, descriptor 3, by every call that accepts. Prints the
 * peer's address family as the guest sees it and what it says first: nothing of a forbidden peer's. The listener is
 * moved to another number between, over a stream and over a socket.
 *
 *   attack_accept ROUNDS */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static u take(int call, u fd, u *out) {
    switch (call) {
    case 0: return p1_accept(fd, 0, P(out));
    case 1: return v1_accept(fd, P(out));
    default: return named_accept(fd, 4, P(out));
    }
}

int main(int argc, char **argv) {
    static const char *const calls[] = {"sock_accept", "sock_accept v1", "sock_accept_v2"};
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    u listener = 3, got = 0;
    printf("ready\n");
    for (int round = 0; round < rounds; round++) {
        u connection = 0, error, port = 0;
        unsigned char peer[128] = {0};
        char text[64] = "?", data[16] = {0};
        /* Blocking on odd rounds, by poll and non-blocking on even ones. */
        p1_set_flags(listener, round & 1 ? 0 : 4);
        do {
            if (!(round & 1)) {
                struct subscription s = subscription(1, 1, listener);
                struct event e;
                p1_poll(P(&s), P(&e), 1, P(&got));
            }
            error = take(round % 3, listener, &connection);
        } while (error == 6);
        if (error != 0) {
            printf("cannot go on, accept: %s\n", named(error));
            return 1;
        }
        v2_peer(connection, header(P(peer), 128), P(&port));
        inet_ntop(peer[0] == WE_INET6 ? AF_INET6 : AF_INET, peer + 2, text, sizeof text);
        p1_set_flags(connection, 0);
        u roflags[2];
        error = p1_recv(connection, header(P(data), 15), 1, 0, P(&got), P(roflags));
        printf("%s: %s says %s\n", calls[round % 3], text, error == 0 ? data : named(error));
        p1_close(connection);
        if (round == 1) {
            report("renumber the listener over standard input", p1_renumber(listener, 0));
            listener = 0;
        } else if (round == 3) {
            u fd = opened(0, WE_STREAM);
            report("renumber the listener over a socket", p1_renumber(listener, fd));
            listener = fd;
        }
    }
    return 0;
}

#endif
