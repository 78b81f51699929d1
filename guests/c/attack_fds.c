/* attack_fds: descriptors that are closed, unknown, moved, reused, or of the wrong kind, in every call; and readiness of
 * a number that stands for something else by now, in sets of 1 and of 50. With a directory pre-opened as descriptor 3. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static unsigned char buf[128];
static u out[8], nowhere[2];

/* Every call on one descriptor that must be none of a socket's; prints the errnos that came, and how often. */
static void all_calls(const char *what, u fd) {
    struct target t = target("127.0.0.1", 9);
    u data = header(P(buf), 4), any = header(P(buf), 128), wide_to = wide(&t), o = P(out), o2 = P(out + 2), o3 = P(out + 4);
    u errors[] = {
        p1_accept(fd, 0, o), v1_accept(fd, o), named_accept(fd, 0, o), p1_recv(fd, data, 1, 0, o, o2),
        named_recv(fd, data, 1, 0, o, o2), p1_send(fd, data, 1, 0, o), p1_shutdown(fd, 3),
        we_bind(fd, wide_to, 0), named_bind(fd, wide_to, 0), wamr_bind(fd, P(t.wamr)), we_listen(fd, 1),
        named_listen(fd, 1), we_connect(fd, wide_to, 9), named_connect(fd, wide_to, 9), wamr_connect(fd, P(t.wamr)),
        we_send_to(fd, data, 1, wide_to, 9, 0, o), named_send_to(fd, data, 1, wide_to, 9, 0, o),
        wamr_send_to(fd, data, 1, 0, P(t.wamr), o), v1_recv_from(fd, data, 1, header(P(buf), 16), 0, o, o2),
        v2_recv_from(fd, data, 1, any, 0, o, o2, o3), named_recv_from(fd, data, 1, any, 0, o, o2, o3),
        wamr_recv_from(fd, data, 1, 0, P(buf), o), we_getsockopt(fd, 0, 1, o, 4), we_setsockopt(fd, 0, 7, o, 4),
        v1_local(fd, header(P(buf), 16), o, o2), v1_peer(fd, header(P(buf), 16), o, o2), v2_local(fd, any, o),
        v2_peer(fd, any, o), wamr_local(fd, P(buf)), wamr_remote(fd, P(buf)), wamr_join(fd, P(t.wamr), 0)};
    enum { COUNT = sizeof errors / sizeof *errors };
    for (u error = 0; error < 88; error++) {
        int count = 0;
        for (int i = 0; i < COUNT; i++) count += errors[i] == error;
        if (count > 0) printf("%s: %s, %d of %d calls\n", what, named(error), count, COUNT);
    }
}

static void plain_calls(const char *what, u fd) {
    u data = header(P(buf), 4), o = P(out);
    printf("%s: read %s, ", what, named(p1_read(fd, data, 1, o)));
    printf("write %s, ", named(p1_write(fd, data, 1, o)));
    printf("fdstat %s, ", named(p1_fdstat(fd, P(buf))));
    printf("flags %s, ", named(p1_set_flags(fd, 4)));
    printf("filestat %s, ", named(p1_filestat(fd, P(buf))));
    printf("renumber to %s, from %s, ", named(p1_renumber(1, fd)), named(p1_renumber(fd, 1)));
    printf("close %s, ", named(p1_close(fd)));
    printf("WAMR close %s\n", named(wamr_close(fd)));
}

/* Polls `count` sockets, which nothing is ready on, and `fd` behind them: prints what is said of `fd`. */
static void poll_among(const char *what, u fd, int kind, int count, const u *idle) {
    static struct subscription subs[64];
    static struct event events[64];
    u stored = 0;
    for (int i = 0; i < count; i++) subs[i] = subscription(1000 + (uint64_t)i, 1, idle[i]);
    subs[count] = subscription(7, kind, fd);
    subs[count + 1] = subscription(9, 0, 0);
    u error = p1_poll(P(subs), P(events), (u)count + 2, P(&stored));
    printf("%s, in a set of %d: %s", what, count + 1, named(error));
    for (u i = 0; i < stored; i++)
        if (events[i].userdata == 7)
            printf(", %s%s", named(events[i].error), events[i].flags & 1 ? " hangup" : "");
        else if (events[i].userdata != 9)
            printf(", and another one");
    printf("\n");
}

/* How many of `fds` are readable, asked together with the idle ones. */
static int ready_among(const u *fds, int n, int count, const u *idle) {
    static struct subscription subs[96];
    static struct event events[96];
    u stored = 0, ready = 0;
    for (int i = 0; i < n; i++) subs[i] = subscription(0, 1, fds[i]);
    for (int i = 0; i < count; i++) subs[n + i] = subscription(1, 1, idle[i]);
    subs[n + count] = subscription(9, 0, 0);
    report("poll", p1_poll(P(subs), P(events), (u)(n + count) + 1, P(&stored)));
    for (u i = 0; i < stored; i++) ready += events[i].userdata < 9 ? events[i].userdata == 0 ? 1 : 100 : 0;
    return (int)ready;
}

static void readiness(int count) {
    static u idle[64];
    for (int i = 0; i < count; i++) idle[i] = (u)udp_bound(AF_INET);
    int pair[2], other[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[1], "x", 1, 0));
    wait_readable(pair[0]);
    u fd = (u)pair[0], moved = 0;
    poll_among("with data", fd, 1, count, idle);
    p1_close(fd);
    poll_among("closed", fd, 1, count, idle);
    /* Lower numbers are given out first. */
    u lower[8], holes = 0;
    while ((moved = opened(0, WE_DGRAM)) != fd && holes < 8) lower[holes++] = moved;
    printf("the number is used again: %s\n", moved == fd ? "yes" : "no");
    poll_among("another socket", fd, 1, count, idle);
    poll_among("another socket, to write", fd, 2, count, idle);
    p1_close(fd);
    p1_close((u)pair[1]);
    while (holes > 0) p1_close(lower[--holes]);
    /* Whichever of these has the kernel's number of the closed one: it is watched, although the number was before. */
    u more[16];
    int seen;
    for (int i = 0; i < 16; i++) more[i] = (u)udp_bound(AF_INET);
    seen = ready_among(more, 16, count, idle);
    printf("new sockets without data: %d ready\n", seen);
    for (int i = 0; i < 16; i++) must("sendto", send_to((int)more[i], "x", 1, local_addr((int)more[i])));
    seen = ready_among(more, 16, count, idle);
    printf("new sockets with data: %d ready\n", seen);
    for (int i = 0; i < 16; i++) p1_close(more[i]);
    /* A readable socket moves to where an idle one was, and an idle one to where it was. */
    tcp_pair(AF_INET, pair), tcp_pair(AF_INET, other);
    must("send", send(other[1], "x", 1, 0));
    wait_readable(other[0]);
    poll_among("before the move", (u)pair[0], 1, count, idle);
    report("renumber", p1_renumber((u)other[0], (u)pair[0]));
    poll_among("the new number", (u)pair[0], 1, count, idle);
    poll_among("the old number", (u)other[0], 1, count, idle);
    char byte = 0;
    show("the data", recv(pair[0], &byte, 1, 0));
    poll_among("after reading", (u)pair[0], 1, count, idle);
    /* The peer of the one that was replaced sees its end. */
    show("its peer", recv(pair[1], &byte, 1, 0));
    p1_close((u)pair[0]), p1_close((u)pair[1]), p1_close((u)other[1]);
    for (int i = 0; i < count; i++) p1_close(idle[i]);
}

int main(void) {
    u closed = opened(0, WE_STREAM);
    p1_close(closed);
    all_calls("closed", closed);
    all_calls("-1", 0xffffffffu);
    all_calls("2^31", 0x80000000u);
    all_calls("65536", 65536);
    all_calls("standard output", 1);
    all_calls("a directory", 3);
    plain_calls("closed", closed);
    plain_calls("-1", 0xffffffffu);
    plain_calls("2^31", 0x80000000u);
    plain_calls("wasmtime-wasi's own number", 5);
    u big = opened(0, WE_STREAM);
    report("renumber to a number that was never open", p1_renumber(big, 40000));
    report("the socket is still there", p1_fdstat(big, P(buf)));
    report("renumber to itself", p1_renumber(big, big));
    report("and it is still there", p1_fdstat(big, P(buf)));
    report("close", p1_close(big));
    report("close again", p1_close(big));
    poll_among("standard input's number", closed, 1, 0, nowhere);
    readiness(0);
    readiness(49);
    return 0;
}

#endif
