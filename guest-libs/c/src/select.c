/* select, pselect, over wasi-libc's fd_set, which is a list of numbers. As on Linux, select stores the time that was
 * left. The signal mask of pselect is ignored: there are no signals. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

#include "fd.h"
#include "wait.h"

#define SETS 3

/* What makes a descriptor ready in each of the three sets (fs/select.c of Linux). */
static const short wants[SETS] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};

static size_t size_of(fd_set *const sets[SETS]) {
    size_t size = 0;
    for (int s = 0; s < SETS; s++)
        if (sets[s] != NULL) size += sets[s]->__nfds;
    return size;
}

/* One item for each number below `limit` in each set, in the order of the sets. */
static size_t items_of(fd_set *const sets[SETS], int limit, struct gn_wait *items) {
    size_t count = 0;
    for (int s = 0; s < SETS; s++)
        for (size_t i = 0; sets[s] != NULL && i < sets[s]->__nfds; i++)
            if (sets[s]->__fds[i] < limit) {
                items[count].fd = sets[s]->__fds[i];
                items[count++].want = wants[s];
            }
    return count;
}

/* Leaves in each set the descriptors that are ready. */
static void keep_ready(fd_set *const sets[SETS], int limit, const struct gn_wait *items) {
    for (int s = 0; s < SETS; s++) {
        if (sets[s] == NULL) continue;
        size_t kept = 0;
        for (size_t i = 0; i < sets[s]->__nfds; i++)
            if (sets[s]->__fds[i] < limit && (items++)->revents != 0) sets[s]->__fds[kept++] = sets[s]->__fds[i];
        sets[s]->__nfds = kept;
    }
}

static int any_invalid(const struct gn_wait *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (items[i].revents & POLLNVAL) return 1;
    return 0;
}

static int select_for(int limit, fd_set *const sets[SETS], uint64_t timeout) {
    if (limit < 0) return __gn_result(EINVAL);
    struct gn_wait *items = calloc(size_of(sets) + 1, sizeof *items);
    if (items == NULL) return __gn_result(ENOMEM);
    size_t count = items_of(sets, limit, items);
    int result = __gn_wait(items, count, timeout);
    if (result > 0 && any_invalid(items, count)) result = __gn_result(EBADF);
    if (result >= 0) keep_ready(sets, limit, items);
    free(items);
    return result;
}

int pselect(int limit, fd_set *restrict read, fd_set *restrict write, fd_set *restrict except,
            const struct timespec *restrict span, const sigset_t *restrict mask) {
    (void)mask;
    uint64_t timeout;
    int error = __gn_span(span, &timeout);
    if (error != 0) return __gn_result(error);
    return select_for(limit, (fd_set *const[SETS]){read, write, except}, timeout);
}

static uint64_t now(void) {
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int select(int limit, fd_set *restrict read, fd_set *restrict write, fd_set *restrict except,
           struct timeval *restrict span) {
    uint64_t timeout = GN_FOREVER;
    if (span != NULL) {
        if (span->tv_sec < 0 || span->tv_usec < 0) return __gn_result(EINVAL);
        struct timespec exact = {
            .tv_sec = span->tv_sec + span->tv_usec / 1000000,
            .tv_nsec = (long)(span->tv_usec % 1000000) * 1000,
        };
        int error = __gn_span(&exact, &timeout);
        if (error != 0) return __gn_result(error);
    }
    uint64_t start = span == NULL ? 0 : now();
    int result = select_for(limit, (fd_set *const[SETS]){read, write, except}, timeout);
    if (span != NULL && timeout != GN_FOREVER) {
        uint64_t spent = now() - start;
        uint64_t left = spent < timeout ? timeout - spent : 0;
        span->tv_sec = (time_t)(left / 1000000000);
        span->tv_usec = (suseconds_t)(left % 1000000000 / 1000);
    }
    return result;
}
