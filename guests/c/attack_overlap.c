/* attack_overlap: arguments that lie over each other in memory: data over the iovec array, over the address that they
 * are received with, and over the results; subscriptions over events. What was received is never lost, and nothing
 * outside of the buffers is written. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static union {
    unsigned char bytes[8192];
    u words[2048];
} m __attribute__((aligned(8)));

static void put(int a, const char *text) {
    must("send", send(a, text, strlen(text), 0));
}

int main(void) {
    int pair[2];
    u got = 0, roflags[2];
    tcp_pair(AF_INET, pair);
    u fd = (u)pair[0];

    /* The array itself is the buffer. */
    put(pair[1], "0123456789abcdef"), wait_bytes(pair[0], 16);
    m.words[0] = P(m.bytes), m.words[1] = 8, m.words[2] = P(m.bytes) + 8, m.words[3] = 8;
    report("into the iovec array", p1_recv(fd, P(m.words), 2, 0, P(&got), P(roflags)));
    show_data("received", (long)got, m.bytes);
    put(pair[1], "ABCDEFGH"), wait_bytes(pair[0], 8);
    m.words[0] = P(m.bytes), m.words[1] = 8;
    report("into one iovec", p1_read(fd, P(m.words), 1, P(&got)));
    show_data("received", (long)got, m.bytes);

    /* The count of bytes lands in the data. */
    put(pair[1], "12345678"), wait_bytes(pair[0], 8);
    report("the result in the buffer", p1_recv(fd, header(P(m.bytes), 8), 1, 0, P(m.bytes) + 4, P(m.bytes) + 2));
    printf("the count: %lu\n", (unsigned long)m.words[1]);
    put(pair[1], "12345678"), wait_bytes(pair[0], 8);
    m.words[0] = P(m.bytes) + 64, m.words[1] = 8;
    report("the result in the array", p1_recv(fd, P(m.words), 1, 0, P(m.words), P(m.words) + 4));
    show_data("received", (long)m.words[0], m.bytes + 64);

    /* A datagram over the header of the address that comes with it: the kernel reads the header first. */
    for (int version = 1; version <= 2; version++) {
        int server = udp_bound(AF_INET), client = udp_bound(AF_INET);
        unsigned char from[128] = {0};
        u port = 0, error;
        must("sendto", send_to(client, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, local_addr(server)));
        wait_readable(server);
        m.words[0] = P(from), m.words[1] = version == 1 ? 16 : 128;
        error = version == 1
                    ? v1_recv_from((u)server, header(P(m.bytes), 8), 1, P(m.words), 0, P(&got), P(roflags))
                    : v2_recv_from((u)server, header(P(m.bytes), 8), 1, P(m.words), 0, P(&port), P(&got), P(roflags));
        printf("version %d, over the address's header: %s, %lu bytes, ", version, named(error), (unsigned long)got);
        printf("from loopback %s\n", memcmp(from + (version == 1 ? 0 : 2), "\x7f\0\0\1", 4) == 0 ? "yes" : "no");
        /* The address over the data: the address is stored last. */
        must("sendto", send_to(client, "datagram", 8, local_addr(server)));
        wait_readable(server);
        error = v2_recv_from((u)server, header(P(m.bytes), 8), 1, header(P(m.bytes), 128), 0, P(&port), P(&got), P(roflags));
        printf("the address over the data: %s, %lu bytes, family %d\n", named(error), (unsigned long)got, m.bytes[0]);
        p1_close((u)server), p1_close((u)client);
    }

    /* An address that has no room is refused before the datagram is taken. */
    int server = udp_bound(AF_INET6), client = udp_bound(AF_INET6);
    must("sendto", send_to(client, "kept", 4, local_addr(server)));
    wait_readable(server);
    u error = v1_recv_from((u)server, header(P(m.bytes), 8), 1, header(P(m.bytes) + 64, 4), 0, P(&got), P(roflags));
    printf("IPv6 into 4 bytes: %s\n", named(error));
    set_nonblocking(server, 1);
    show_data("the datagram", recv(server, m.bytes, 8, 0), m.bytes);
    p1_close((u)server), p1_close((u)client);

    /* Buffers that overlap are filled in their order, and what does not fit stays. */
    put(pair[1], "abcdefghij"), wait_bytes(pair[0], 10);
    memset(m.bytes, '.', 64);
    m.words[100] = P(m.bytes), m.words[101] = 6, m.words[102] = P(m.bytes) + 2, m.words[103] = 4;
    report("overlapping buffers", p1_recv(fd, P(&m.words[100]), 2, 0, P(&got), P(roflags)));
    show("received", (long)got);
    show_data("memory", 8, m.bytes);

    /* poll_oneoff: the events are written where the subscriptions are. */
    put(pair[1], "x"), wait_readable(pair[0]);
    struct subscription *subs = (struct subscription *)(void *)m.bytes;
    for (int shift = 0; shift <= 96; shift += 48) {
        memset(m.bytes, 0, sizeof m.bytes);
        for (u i = 0; i < 8; i++) subs[i] = subscription(100 + i, i % 2 ? 1 : 2, fd);
        subs[6] = subscription(106, 1, 0xffffffffu);
        subs[7] = subscription(107, 0, 0);
        got = 0;
        report("poll over itself", p1_poll(P(subs), P(m.bytes) + (u)shift, 8, P(&got)));
        int right = 0;
        for (u i = 0; i < got && i < 8; i++) {
            struct event e;
            memcpy(&e, m.bytes + shift + 32 * i, sizeof e);
            u n = (u)e.userdata - 100;
            right += n < 6 ? e.error == 0 && e.kind == (n % 2 ? 1 : 2) : n == 6 ? e.error == 8 && e.kind == 1 : n == 7 && e.kind == 0;
        }
        printf("events: %lu, right: %d\n", (unsigned long)got, right);
    }
    struct subscription s = subscription(5, 0, 0);
    report("the count over the subscription", p1_poll(P(&s), P(m.bytes), 1, P(&s)));
    printf("events: %lu\n", (unsigned long)(u)s.userdata);
    return 0;
}

#endif
