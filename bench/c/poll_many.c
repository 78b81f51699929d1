/* poll_many poll|oneoff|changing|epoll IDLE ROUNDS: waits for many idle sockets and an active one.
 *
 * Prints the time of the fastest and the median call in nanoseconds. `poll` calls poll(2); `oneoff` hands
 * poll_oneoff subscriptions that were made beforehand, and is poll(2) natively; `changing` is `oneoff` with two
 * subscriptions that change places before each call; `epoll` calls epoll_wait(2) on sockets that were added beforehand. Every round a datagram makes the
 * active socket ready and is received again, outside of the time that is measured. */
#include "bench.h"

#include <sys/epoll.h>

#ifdef __wasi__
#include <wasi/api.h>
#endif

static int by_time(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void *array(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) fail("calloc");
    return memory;
}

int main(int argc, char **argv) {
    size_t idle = (size_t)number(argc, argv, 2), rounds = (size_t)number(argc, argv, 3);
    uint64_t *times = array(rounds, sizeof *times);
    struct pollfd *fds = array(idle + 1, sizeof *fds);
    int sender = bound(SOCK_DGRAM);
    for (size_t i = 0; i <= idle; i++) {
        /* The active one is in the middle. */
        int fd = i == idle / 2 ? bound(SOCK_DGRAM) : (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
        fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    struct pollfd *active = &fds[idle / 2];
    struct sockaddr_in to = address_of(active->fd);
#ifdef __wasi__
    int changing = strcmp(argv[1], "changing") == 0, oneoff = changing || strcmp(argv[1], "oneoff") == 0;
    __wasi_subscription_t *subscriptions = array(idle + 1, sizeof *subscriptions);
    __wasi_event_t *events = array(idle + 1, sizeof *events);
    for (size_t i = 0; i <= idle; i++) {
        subscriptions[i].userdata = i;
        subscriptions[i].u.tag = __WASI_EVENTTYPE_FD_READ;
        subscriptions[i].u.u.fd_read.file_descriptor = fds[i].fd;
    }
#endif
    int epoll = -1;
    if (strcmp(argv[1], "epoll") == 0) {
        epoll = (int)must("epoll_create1", epoll_create1(0));
        for (size_t i = 0; i <= idle; i++) {
            struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
            must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i].fd, &event));
        }
    }
    for (size_t round = 0; round < rounds; round++) {
        char byte = 0;
        struct epoll_event ready[64];
        must("sendto", sendto(sender, &byte, 1, 0, (struct sockaddr *)&to, sizeof to));
#ifdef __wasi__
        if (changing) {
            __wasi_subscription_t first = subscriptions[0];
            subscriptions[0] = subscriptions[idle / 3], subscriptions[idle / 3] = first;
        }
#endif
        uint64_t start = nanoseconds();
        int found;
        if (epoll >= 0) {
            found = must("epoll_wait", epoll_wait(epoll, ready, 64, -1)) == 1 && ready[0].data.u64 == idle / 2;
#ifdef __wasi__
        } else if (oneoff) {
            size_t stored = 0;
            if (__wasi_poll_oneoff(subscriptions, events, idle + 1, &stored) != 0) fail("poll_oneoff");
            found = stored == 1 && events[0].userdata == idle / 2;
#endif
        } else {
            found = must("poll", poll(fds, (nfds_t)idle + 1, -1)) == 1 && active->revents == POLLIN;
        }
        times[round] = nanoseconds() - start;
        if (!found) fail("not only the active socket is ready");
        must("recv", recv(active->fd, &byte, 1, 0));
    }
    qsort(times, rounds, sizeof *times, by_time);
    printf("%llu %llu\n", (unsigned long long)times[0], (unsigned long long)times[rounds / 2]);
    return 0;
}
