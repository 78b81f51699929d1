/* Waiting for descriptors, over poll_oneoff.
 *
 * poll_oneoff knows two questions, readable and writable. guestnet's events carry POLLERR, POLLPRI and POLLRDHUP as
 * further flags, and no bytes when the event is there for its flags alone. A descriptor that is waited on for
 * nothing but errors is asked whether it is readable; when it is, and that was not wanted, the question would come
 * back at once for ever, so it is then put aside for a moment. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "abi.h"
#include "fd.h"

#define SMALL 16                       /* items that need no allocation */
#define MOMENT_MIN UINT64_C(1000000)   /* 1 ms: how long an unwanted event is put aside at first */
#define MOMENT_MAX UINT64_C(16000000)  /* and at most: how late an error may then be noticed */
#define HOUR UINT64_C(3600000000000)   /* how long nothing at all is waited for at a time */
#define CLOCK_USERDATA UINT64_MAX

struct round {
    struct gn_wait *items;
    size_t count;
    struct gn_subscription *subscriptions; /* 2 * count + 1 */
    struct gn_event *events;               /* the same */
    bool *aside;                           /* items whose questions rest */
};

static uint64_t now(void) {
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static size_t subscribe(const struct round *round, bool resting, uint64_t timeout) {
    size_t used = 0;
    for (size_t i = 0; i < round->count; i++) {
        const struct gn_wait *item = &round->items[i];
        if (item->fd < 0 || (resting && round->aside[i])) continue;
        if ((item->want & (POLLIN | POLLPRI | POLLRDHUP)) || !(item->want & POLLOUT))
            round->subscriptions[used++] =
                (struct gn_subscription){.userdata = i, .tag = GN_EVENT_FD_READ, .u.fd = (uint32_t)item->fd};
        if (item->want & POLLOUT)
            round->subscriptions[used++] =
                (struct gn_subscription){.userdata = i, .tag = GN_EVENT_FD_WRITE, .u.fd = (uint32_t)item->fd};
    }
    if (used == 0 && timeout == GN_FOREVER) timeout = HOUR;
    if (timeout != GN_FOREVER)
        round->subscriptions[used++] = (struct gn_subscription){
            .userdata = CLOCK_USERDATA,
            .tag = GN_EVENT_CLOCK,
            .u.clock = {.id = GN_CLOCK_MONOTONIC, .timeout = timeout, .precision = 1},
        };
    return used;
}

static int bits_of(const struct gn_event *event) {
    if (event->error == EBADF) return POLLNVAL;
    if (event->error != 0) return POLLERR;
    int bits = 0;
    if (event->flags == 0 || event->nbytes != 0) bits |= event->type == GN_EVENT_FD_READ ? POLLIN : POLLOUT;
    if (event->flags & GN_RW_HANGUP) bits |= POLLHUP;
    if (event->flags & GN_RW_ERROR) bits |= POLLERR;
    if (event->flags & GN_RW_PRIORITY) bits |= POLLPRI;
    if (event->flags & GN_RW_READ_HANGUP) bits |= POLLRDHUP;
    return bits;
}

/* Files the events; gives the number of items that hold what they want. `unwanted` says that others came. */
static int collect(const struct round *round, size_t ready, bool *unwanted) {
    int holding = 0;
    for (size_t i = 0; i < ready; i++) {
        const struct gn_event *event = &round->events[i];
        if (event->type == GN_EVENT_CLOCK || event->userdata >= round->count) continue;
        struct gn_wait *item = &round->items[event->userdata];
        int bits = bits_of(event) & (item->want | POLLNVAL);
        if (bits == 0) {
            round->aside[event->userdata] = true;
            *unwanted = true;
        }
        if (bits != 0 && item->revents == 0) holding++;
        item->revents |= (short)bits;
    }
    return holding;
}

static int wait_in(const struct round *round, uint64_t timeout) {
    uint64_t end = 0;
    uint64_t moment = MOMENT_MIN;
    bool resting = false;
    uint64_t left = timeout;
    for (;;) {
        size_t ready = 0;
        size_t asked = subscribe(round, resting, resting && moment < left ? moment : left);
        bool unwanted = false;
        int error = __gn_poll_oneoff(round->subscriptions, round->events, asked, &ready);
        if (error != 0) return __gn_result(error);
        int holding = collect(round, ready, &unwanted);
        if (holding != 0 || timeout == 0) return holding;
        if (!unwanted && !resting && timeout != GN_FOREVER) return 0; /* only the clock */

        if (timeout != GN_FOREVER) {
            uint64_t time = now();
            if (end == 0) end = time + left; /* late by the first round, which an unwanted event ended early */
            left = time < end ? end - time : 0;
            if (left == 0 && !resting) return 0;
        }
        if (resting) {
            for (size_t i = 0; i < round->count; i++) round->aside[i] = false;
            if (moment < MOMENT_MAX) moment *= 2;
        }
        resting = !resting && unwanted;
    }
}

int __gn_wait(struct gn_wait *items, size_t count, uint64_t timeout) {
    struct round round = {.items = items, .count = count};
    for (size_t i = 0; i < count; i++) items[i].revents = 0;
    if (count <= SMALL) {
        struct gn_subscription subscriptions[2 * SMALL + 1];
        struct gn_event events[2 * SMALL + 1];
        bool aside[SMALL + 1] = {false};
        round.subscriptions = subscriptions;
        round.events = events;
        round.aside = aside;
        return wait_in(&round, timeout);
    }
    round.subscriptions = malloc((2 * count + 1) * sizeof *round.subscriptions);
    round.events = malloc((2 * count + 1) * sizeof *round.events);
    round.aside = calloc(count, sizeof *round.aside);
    int result = -1;
    if (round.subscriptions == NULL || round.events == NULL || round.aside == NULL)
        errno = ENOMEM;
    else
        result = wait_in(&round, timeout);
    int error = errno;
    free(round.subscriptions);
    free(round.events);
    free(round.aside);
    errno = error;
    return result;
}

int __gn_span(const struct timespec *span, uint64_t *timeout) {
    *timeout = GN_FOREVER;
    if (span == NULL) return 0;
    if (span->tv_sec < 0 || span->tv_nsec < 0 || span->tv_nsec >= 1000000000) return EINVAL;
    /* A span of more than 500 years is for ever. */
    if ((uint64_t)span->tv_sec < GN_FOREVER / 1000000000 - 1)
        *timeout = (uint64_t)span->tv_sec * 1000000000 + (uint64_t)span->tv_nsec;
    return 0;
}
