/* attack_spin: takes all the time it can, in calls that return at once. Prints "spinning" and never ends by itself.
 *
 *   attack_spin poll      poll_oneoff of one writable socket
 *   attack_spin storm     poll_oneoff of 50 writable sockets and a clock that has passed
 *   attack_spin clock     poll_oneoff of a clock of no time
 *   attack_spin receive   a non-blocking receive of nothing
 *   attack_spin lookup    sock_getaddrinfo of a number
 *   attack_spin denied    connects that the policy denies */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

int main(int argc, char **argv) {
    static struct subscription subs[64];
    static struct event events[64];
    static struct {
        u info[7], address[3];
        unsigned char data[32];
    } node;
    const char *mode = argc > 1 ? argv[1] : "";
    u count = 0, stored, out[2], fd = opened(0, WE_DGRAM);
    p1_set_flags(fd, 4);
    struct target t = target("127.0.0.1", 9);
    if (strcmp(mode, "poll") == 0) subs[count++] = subscription(1, 2, fd);
    if (strcmp(mode, "clock") == 0) subs[count++] = subscription(1, 0, 0);
    if (strcmp(mode, "storm") == 0) {
        while (count < 50) subs[count++] = subscription(1, 2, opened(0, WE_DGRAM));
        subs[count++] = subscription(1, 0, 0);
    }
    node.info[3] = P(node.address), node.address[1] = 26, node.address[2] = P(node.data);
    printf("spinning\n");
    for (;;) {
        u list = P(node.info);
        char byte;
        if (count > 0)
            p1_poll(P(subs), P(events), count, P(&stored));
        else if (strcmp(mode, "receive") == 0)
            p1_recv(fd, header(P(&byte), 1), 1, 0, P(out), P(out + 1));
        else if (strcmp(mode, "lookup") == 0)
            we_addrinfo(P("127.1"), 6, P("80"), 3, 0, P(&list), 1, P(out));
        else if (strcmp(mode, "denied") == 0)
            we_connect(fd, narrow(&t), 9);
        else
            return 2;
    }
}

#endif
