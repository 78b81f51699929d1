/* attack_epoll: guestnet's epoll functions with arguments that libc would never pass, and as many epolls as there may be.
 *
 *   attack_epoll arguments   pointers, counts, operations and bits; what was ready is not lost by a call that fails
 *   attack_epoll numbers     descriptors that are closed, reused and moved while an epoll watches them
 *   attack_epoll many        as many epolls as it gets, three times: how many, and why no more
 *   attack_epoll nested      every epoll in every other one, watched sockets below: how many of the additions were taken
 *   attack_epoll watches     20 epolls that all watch 500 sockets, all ready: how many events
 *   attack_epoll for_ever    waits for what never comes, in an epoll within an epoll */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

enum { ADD = 1, DEL = 2, MOD = 3, IN = 1, OUT = 4, EDGE = 1 << 31 };
#define FOR_EVER UINT64_MAX
#define FAR_AWAY 0xfffffff0u

struct ready {
    u events, unused;
    uint64_t data;
};
static struct ready found[2048];
static u count;

static u created(void) {
    u epoll = 0;
    if (ep_create(P(&epoll)) != 0) exit(1);
    return epoll;
}

static u bound(void) { return (u)udp_bound(AF_INET); }

static void make_ready(u fd) {
    must("send", send_to((int)fd, "x", 1, local_addr((int)fd)));
    wait_readable((int)fd);
}

/* What an epoll reports now: how many, and the data of the first. */
static void now(const char *what, u epoll) {
    count = 99;
    memset(found, 0, sizeof found);
    u error = ep_wait(epoll, P(found), 8, 0, P(&count));
    printf("%s: %s, %lu, %llu\n", what, named(error), (unsigned long)count, (unsigned long long)found[0].data);
}

static void arguments(void) {
    u epoll = created(), fd = bound(), next = created();
    report("created with nowhere to put it", ep_create(FAR_AWAY));
    report("created over the end", ep_create(0xffffffffu));
    u again = created();
    fact("no number was taken", again == next + 1);
    for (u op = 0; op < 6; op++)
        printf("operation %lu: %s\n", (unsigned long)op, named(ep_ctl(epoll, op == DEL ? 77 : op, fd, IN | (u)EDGE, 5)));
    report("operation -1", ep_ctl(epoll, 0xffffffffu, fd, IN, 5));
    report("all bits", ep_ctl(epoll, MOD, fd, 0xffffffffu, 5));
    report("no bits that mean anything", ep_ctl(epoll, MOD, fd, 0x0fffdfe0u, 5));
    report("descriptor -1", ep_ctl(epoll, ADD, 0xffffffffu, IN, 5));
    report("epoll -1", ep_ctl(0xffffffffu, ADD, fd, IN, 5));
    report("standard output", ep_ctl(1, ADD, fd, IN, 5));
    report("edge", ep_ctl(epoll, MOD, fd, IN | (u)EDGE, UINT64_MAX));
    make_ready(fd);
    report("no room", ep_wait(epoll, P(found), 0, 0, P(&count)));
    report("room for -1", ep_wait(epoll, P(found), 0xffffffffu, 0, P(&count)));
    report("room for 2^31", ep_wait(epoll, P(found), 0x80000000u, 0, P(&count)));
    report("room that wraps round", ep_wait(epoll, P(found), 0x10000001u, 0, P(&count)));
    report("events far away", ep_wait(epoll, FAR_AWAY, 1, 0, P(&count)));
    report("events over the end", ep_wait(epoll, (u)__builtin_wasm_memory_size(0) * 65536u - 15, 1, 0, P(&count)));
    report("count far away", ep_wait(epoll, P(found), 1, 0, 0xfffffffdu));
    report("the smallest time", ep_wait(0xffffffffu, P(found), 1, (uint64_t)1 << 63, P(&count)));
    /* The edge is still there: none of these took it. The count lies over the event's bits. */
    report("count over the event", ep_wait(epoll, P(found), 0x7ffffff, FOR_EVER, P(found)));
    printf("the count: %lu, all of the data: %d\n", (unsigned long)found[0].events, found[0].data == UINT64_MAX);
    now("the edge is gone", epoll);
    report("level", ep_ctl(epoll, MOD, fd, IN, 6));
    report("the longest time", ep_wait(epoll, P(found), 1, (uint64_t)INT64_MAX, P(&count)));
    printf("the count: %lu\n", (unsigned long)count);
}

static void numbers(void) {
    u epoll = created(), one = bound(), two = bound(), moved = bound();
    TRY(ep_ctl(epoll, ADD, one, IN, 1));
    TRY(ep_ctl(epoll, ADD, two, IN, 2));
    make_ready(one);
    now("one is ready", epoll);
    p1_close(one);
    u other = bound();
    fact("its number is another socket's", other == one);
    now("closed", epoll);
    make_ready(other);
    now("the other socket is not watched", epoll);
    TRY(ep_ctl(epoll, MOD, other, IN, 3));
    TRY(ep_ctl(epoll, DEL, other, 0, 0));
    /* What is watched is the socket, whatever its number is. */
    TRY(p1_renumber(two, moved));
    make_ready(moved);
    now("moved", epoll);
    TRY(ep_ctl(epoll, DEL, two, 0, 0));
    TRY(ep_ctl(epoll, MOD, moved, IN, 4));
    now("changed by its new number", epoll);
    /* The epoll itself moves, onto what it watches. */
    TRY(p1_renumber(epoll, moved));
    now("by its old number", epoll);
    now("by its new number", moved);
    TRY(p1_close(moved));
    now("closed", moved);
    for (int i = 0; i < 2; i++) {
        u socket = bound(), set = created();
        ep_ctl(set, ADD, socket, IN, 7);
        make_ready(socket);
        p1_renumber(socket, set); /* the epoll is gone, the socket stays */
        printf("a socket where an epoll was: %s\n", named(ep_wait(set, P(found), 1, 0, P(&count))));
    }
}

static void many(void) {
    static u all[100000];
    for (int round = 0; round < 3; round++) {
        u made = 0, error = 0;
        while (made < 100000 && (error = ep_create(P(&all[made]))) == 0) made++;
        printf("%lu then %s\n", (unsigned long)made, named(error));
        while (made > 0) p1_close(all[--made]);
    }
}

static void nested(void) {
    static u all[100];
    u taken = 0, refused[88] = {0}, fd = bound();
    for (int i = 0; i < 100; i++) all[i] = created();
    for (int i = 0; i < 100; i++) ep_ctl(all[i], ADD, fd, IN, 1);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 100; i++)
            for (int j = 0; j < 100; j++) {
                u error = ep_ctl(all[(i * 37 + j) % 100], ADD, all[(j * 61 + i * 7) % 100], IN, 2);
                taken += error == 0;
                refused[error < 88 ? error : 87] += error != 0;
            }
    printf("some were taken: %d\n", taken > 0);
    for (u error = 1; error < 88; error++)
        if (refused[error] > 0) printf("refused: %s\n", named(error));
    make_ready(fd);
    int reporting = 0;
    for (int i = 0; i < 100; i++) reporting += ep_wait(all[i], P(found), 1024, 0, P(&count)) == 0 && count > 0;
    printf("report something: %d\n", reporting);
}

static void watches(void) {
    static u sockets[500], all[20];
    u total = 0;
    for (int i = 0; i < 500; i++) sockets[i] = opened(0, WE_DGRAM);
    for (int i = 0; i < 20; i++) {
        all[i] = created();
        for (int j = 0; j < 500; j++) ep_ctl(all[i], ADD, sockets[j], OUT, (uint64_t)j);
    }
    for (int i = 0; i < 20; i++) total += ep_wait(all[i], P(found), 2048, FOR_EVER, P(&count)) == 0 ? count : 0;
    printf("events: %lu\n", (unsigned long)total);
}

static void for_ever(void) {
    u outer = created(), inner = created();
    ep_ctl(inner, ADD, bound(), IN, 1);
    ep_ctl(outer, ADD, inner, IN, 2);
    printf("waiting\n");
    report("the end of all times", ep_wait(outer, P(found), 1, FOR_EVER, P(&count)));
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "arguments") == 0) arguments();
    else if (strcmp(mode, "numbers") == 0) numbers();
    else if (strcmp(mode, "many") == 0) many();
    else if (strcmp(mode, "nested") == 0) nested();
    else if (strcmp(mode, "watches") == 0) watches();
    else if (strcmp(mode, "for_ever") == 0) for_ever();
    else return 2;
    return 0;
}

#endif
