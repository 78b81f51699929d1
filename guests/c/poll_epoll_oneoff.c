/* WasmEdge's epoll_oneoff: an edge-triggered epoll that lives on from call to call. Each call adds its descriptors, or
 * modifies those that the call before it had, and EPOLL_CTL_MOD reports anew what is still ready. So an event comes again
 * until the descriptor is not ready any more, as with poll. epoll_ctl(2). Natively this program makes WasmEdge's calls. */
#include "t.h"

#define MAX_ASKED 4

/* A descriptor, POLLIN or POLLOUT, and what came of it. */
struct asked {
    const char *name;
    int fd, events;
    int ready, error, hang_up;
};

#ifdef __wasi__

struct subscription {
    uint64_t userdata;
    uint8_t tag; /* 1 reading, 2 writing, 0 a clock */
    _Alignas(8) uint32_t fd; /* or the clock */
    uint64_t timeout, precision;
    uint16_t flags;
};
struct event {
    uint64_t userdata;
    uint16_t error;
    uint8_t type;
    uint64_t nbytes;
    uint16_t flags;
};
_Static_assert(sizeof(struct subscription) == 48 && sizeof(struct event) == 32, "the sizes of preview 1");

__attribute__((import_module("wasi_snapshot_preview1"), import_name("epoll_oneoff"))) int
wasmedge_epoll_oneoff(const struct subscription *, struct event *, size_t count, size_t *stored);

/* All subscriptions and, at the end of the list, a clock of no time: the call returns at once. */
static void ask(struct asked *asked, int count) {
    struct subscription subscriptions[MAX_ASKED + 1] = {0};
    struct event events[MAX_ASKED + 1];
    size_t stored = 0;
    for (int i = 0; i < count; i++) {
        subscriptions[i].userdata = (uint64_t)i;
        subscriptions[i].tag = asked[i].events == POLLIN ? 1 : 2;
        subscriptions[i].fd = (uint32_t)asked[i].fd;
    }
    subscriptions[count].userdata = MAX_ASKED;
    subscriptions[count].fd = 1; /* the monotonic clock */
    errno = wasmedge_epoll_oneoff(subscriptions, events, (size_t)count + 1, &stored);
    must("epoll_oneoff", errno == 0 ? 0 : -1);
    for (size_t i = 0; i < stored; i++) {
        if (events[i].userdata >= (uint64_t)count) continue;
        struct asked *one = &asked[events[i].userdata];
        one->error = events[i].error, one->ready = one->error == 0, one->hang_up = events[i].flags & 1;
    }
}

#else
#include <sys/epoll.h>

/* What the call before this one had. */
static int known[MAX_ASKED], known_count;

static int is_known(int fd) {
    for (int i = 0; i < known_count; i++)
        if (known[i] == fd) return 1;
    return 0;
}

static void ask(struct asked *asked, int count) {
    static int epoll = -1;
    struct epoll_event events[MAX_ASKED];
    int now[MAX_ASKED], now_count = 0;
    if (epoll < 0) epoll = (int)must("epoll_create1", epoll_create1(0));
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLET | EPOLLRDHUP, .data.fd = asked[i].fd};
        int again = is_known(asked[i].fd);
        for (int j = 0; j <= i; j++)
            if (asked[j].fd == asked[i].fd) {
                event.events |= asked[j].events == POLLIN ? EPOLLIN : EPOLLOUT;
                again |= j < i;
            }
        if (epoll_ctl(epoll, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, asked[i].fd, &event) != 0)
            asked[i].error = errno;
        else
            now[now_count++] = asked[i].fd;
    }
    for (int i = 0; i < known_count; i++) {
        int kept = 0;
        for (int j = 0; j < now_count; j++) kept |= now[j] == known[i];
        if (!kept) epoll_ctl(epoll, EPOLL_CTL_DEL, known[i], NULL);
    }
    memcpy(known, now, sizeof now), known_count = now_count;
    int ready = (int)must("epoll_wait", epoll_wait(epoll, events, MAX_ASKED, 0));
    for (int i = 0; i < ready; i++)
        for (int j = 0; j < count; j++) {
            uint32_t wanted = asked[j].events == POLLIN ? EPOLLIN : EPOLLOUT;
            if (asked[j].fd != events[i].data.fd || !(events[i].events & wanted)) continue;
            asked[j].ready = 1, asked[j].hang_up = (events[i].events & EPOLLHUP) != 0;
        }
}

#endif

static void report(const char *what, struct asked *asked, int count) {
    ask(asked, count);
    printf("%s:", what);
    for (int i = 0; i < count; i++) {
        if (asked[i].error != 0)
            printf(" %s %s", asked[i].name, errno_name(asked[i].error));
        else if (asked[i].ready)
            printf(" %s%s", asked[i].name, asked[i].hang_up ? " hang-up" : "");
        asked[i].ready = asked[i].error = asked[i].hang_up = 0;
    }
    printf("\n");
}

int main(void) {
    int pair[2];
    char buffer[8];
    tcp_pair(AF_INET, pair);
    struct asked both[] = {{"readable", pair[0], POLLIN, 0, 0, 0}, {"writable", pair[0], POLLOUT, 0, 0, 0}};
    struct asked two[] = {{"first", pair[0], POLLIN, 0, 0, 0}, {"second", pair[1], POLLIN, 0, 0, 0}};
    struct asked bad[] = {{"first", pair[0], POLLIN, 0, 0, 0}, {"unknown", 999, POLLIN, 0, 0, 0}};
    report("at first", both, 2);
    report("the same again", both, 2);
    report("reading alone", both, 1);
    must("send", send(pair[1], "abcd", 4, MSG_NOSIGNAL));
    wait_bytes(pair[0], 4);
    report("arrived", both, 1);
    report("nothing read of it", both, 1);
    show_data("recv", recv(pair[0], buffer, 2, 0), buffer);
    report("half read", both, 2);
    report("two descriptors", two, 2);
    report("the other alone", two + 1, 1);
    report("both again", two, 2);
    report("an unknown descriptor", bad, 2);
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    report("all read", both, 2);
    must("shutdown", shutdown(pair[1], SHUT_WR));
    wait_readable(pair[0]);
    report("the end", both, 2);
    report("the end again", both, 2);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    wait_all(pair[0], POLLHUP, POLLHUP);
    report("both directions", both, 1);
    close(pair[0]);
    report("closed", two, 2);
    return 0;
}
