/* attack_bounds: asks for more than there is. Prints what it got, then "done", and waits to be measured and ended.
 *
 *   attack_bounds nothing     only waits: what a guest weighs at least
 *   attack_bounds numbers     counts, lengths, backlogs and option lengths as large as the ABIs can say
 *   attack_bounds sockets     opens sockets by every ABI until there is none left, again and again
 *   attack_bounds accept      a full table and a listener
 *   attack_bounds lookups     thousands of look-ups, of names that are denied and of numbers
 *   attack_bounds grow        memory grows while its addresses are in use
 *   attack_bounds files       opens DIR/file until there is none left; then polls */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static u out[8];

static void numbers(void) {
    u fd = (u)udp_bound(AF_INET), o = P(out), o2 = P(out + 2), MAX = 0xffffffffu;
    p1_set_flags(fd, 4);
    /* As many iovecs as a call takes, each of all memory there is. */
    u pages = (u)__builtin_wasm_memory_grow(0, 32), base = pages * 65536u, room = 32 * 65536u;
    u *huge = (u *)(uintptr_t)base;
    for (u i = 0; i < 1024; i++) huge[2 * i] = 0, huge[2 * i + 1] = base + room;
    TRY(p1_recv(fd, base, 1024, 0, o, o2));
    TRY(p1_recv(fd, base, 1025, 0, o, o2));
    TRY(p1_send(fd, base, 1024, 0, o));
    TRY(p1_read(fd, base, 1024, o));
    struct target t = target("127.0.0.1", 9);
    TRY(we_send_to(fd, base, 1024, narrow(&t), 9, 0, o));
    TRY(wamr_recv_from(fd, base, 1024, 0, P(out), o));
    TRY(p1_poll(base, base, 131073, o));
    TRY(p1_poll(base, base, MAX, o));
    /* As many subscriptions as one poll takes are polled, all of one socket and all events stored. */
    u want = room / 48;
    struct subscription *subs = (struct subscription *)(uintptr_t)base;
    for (u i = 0; i < want; i++) subs[i] = subscription(i, 2, fd);
    u more = (u)__builtin_wasm_memory_grow(0, 32) * 65536u;
    TRY(p1_poll(base, more, want, o));
    printf("all of them: %s\n", out[0] == want ? "yes" : "no");
    u listener = (u)tcp_listener(AF_INET);
    TRY(we_listen(listener, MAX));
    TRY(we_listen(listener, 0x7fffffff));
    TRY(we_setsockopt(fd, 0, 7, o, MAX));
    TRY(we_setsockopt(fd, 0, 14, base, MAX));
    out[0] = 0x7fffffff;
    TRY(we_setsockopt(fd, 0, 5, o, 4));
    TRY(we_setsockopt(fd, 0, 6, o, 4));
    out[4] = MAX;
    TRY(we_getsockopt(fd, 0, 6, o, P(&out[4])));
    printf("length: %lu\n", (unsigned long)out[4]);
    TRY(we_addrinfo(base, MAX, base, MAX, base, o, MAX, o2));
    TRY(we_addrinfo(0, 0, 0, 0, 0, o, MAX, o2));
    TRY(p1_random(base, room));
    TRY(p1_open(3, 0, 0, base + room, 0, 0, 0, 0, o));
    TRY(p1_readdir(3, base, room, 0, o));
}

static void sockets(void) {
    int most = -1, least = -1;
    u last[3] = {0}, error = 0;
    for (int round = 0; round < 5; round++) {
        u fds[4096], count = 0;
        for (;;) {
            u fd = 0;
            error = count % 3 == 0 ? we_open(WE_INET, WE_DGRAM, P(&fd))
                    : count % 3 == 1 ? named_open(WE_INET6, WE_STREAM, P(&fd))
                                     : wamr_open(0xffffffffu, 0, 1, P(&fd));
            if (error != 0 || count == 4096) break;
            fds[count++] = fd;
        }
        most = most < (int)count ? (int)count : most, least = least < 0 || (int)count < least ? (int)count : least;
        u fd = 0;
        last[0] = we_open(WE_INET, WE_STREAM, P(&fd)), last[1] = named_open(WE_UNIX, WE_STREAM, P(&fd));
        last[2] = wamr_open(0, 1, 0, P(&fd));
        for (u i = 0; i < count; i++) p1_close(fds[i]);
    }
    printf("sockets: %d each time %s, then %s, %s %s %s\n", most, most == least ? "yes" : "no", named(error),
           named(last[0]), named(last[1]), named(last[2]));
}

static void full_accept(void) {
    u listener = (u)tcp_listener(AF_INET), fd = 0, last = 0;
    struct addr here = local_addr((int)listener);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, here));
    p1_set_flags(listener, 4);
    wait_readable((int)listener);
    while (we_open(WE_INET, WE_STREAM, P(&fd)) == 0) last = fd;
    report("accept", p1_accept(listener, 0, P(out)));
    report("accept v1", v1_accept(listener, P(out)));
    report("renumber does not help", p1_renumber(last, last));
    report("close one", p1_close(last));
    report("accept", p1_accept(listener, 0, P(out)));
    printf("the lowest number: %s\n", out[0] == last ? "yes" : "no");
}

static void lookups(void) {
    static struct {
        u info[7], address[3];
        unsigned char data[32];
    } node;
    char name[64];
    u list, hints[2] = {0, 0}, count = 0, denied = 0, found = 0;
    for (u i = 0; i < 3000; i++) {
        memset(&node, 0, sizeof node);
        node.info[3] = P(node.address), node.address[1] = 26, node.address[2] = P(node.data);
        list = P(node.info);
        const char *form = i % 3 == 0 ? "x%lu.example.com" : i % 3 == 1 ? "y%lu.localhost" : "127.0.0.%lu";
        snprintf(name, sizeof name, form, (unsigned long)(i % 3 == 2 ? i % 200 : i));
        u error = we_addrinfo(P(name), (u)strlen(name) + 1, P("80"), 3, P(hints), P(&list), 1, P(&count));
        denied += error == 80, found += error == 0;
    }
    printf("denied %lu, found %lu\n", (unsigned long)denied, (unsigned long)found);
}

static void grow(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    u got = 0, right = 0, roflags[2];
    for (u i = 0; i < 100; i++) {
        u at = (u)__builtin_wasm_memory_grow(0, 1) * 65536u;
        u *iov = (u *)(uintptr_t)(at + 65528);
        must("send", send(pair[1], &i, 4, 0));
        iov[0] = at, iov[1] = 4;
        right += p1_recv((u)pair[0], P(iov), 1, 0, P(&got), P(roflags)) == 0 && *(u *)(uintptr_t)at == i;
    }
    printf("right: %lu\n", (unsigned long)right);
    report("beyond the end", p1_recv((u)pair[0], (u)__builtin_wasm_memory_size(0) * 65536u - 4, 1, 0, P(&got), P(roflags)));
}

static void files(void) {
    u fd = 0, count = 0, error, last = 0, got = 0;
    while ((error = p1_open(3, 0, P("file"), 4, 1, 2 | 64, 0, 0, P(&fd))) == 0) count++, last = fd;
    printf("files: some %s, then %s\n", count > 10 ? "yes" : "no", named(error));
    report("sock_open", we_open(WE_INET, WE_STREAM, P(&fd)));
    report("close", p1_close(last));
    u listener = opened(0, WE_DGRAM);
    static struct subscription subs[600];
    static struct event events[600];
    for (u i = 0; i < 599; i++) subs[i] = subscription(i, 2, listener);
    subs[599] = subscription(7, 0, 0);
    report("poll of 600", p1_poll(P(subs), P(events), 600, P(&got)));
    printf("events: %lu\n", (unsigned long)got);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"numbers", numbers}, {"sockets", sockets}, {"accept", full_accept},
                 {"lookups", lookups}, {"grow", grow},       {"files", files}};
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0) modes[i].run();
    printf("done\n");
    struct subscription for_ever = subscription(1, 0, 3600 * 1000);
    struct event e;
    p1_poll(P(&for_ever), P(&e), 1, P(out));
    return 0;
}

#endif
