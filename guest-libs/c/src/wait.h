/* Waiting for descriptors: what poll and select are made of. */
#ifndef GUESTNET_WAIT_H
#define GUESTNET_WAIT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct gn_wait {
    int fd;        /* a negative one is passed over */
    short want;    /* the POLL* bits that end the wait; POLLNVAL always does */
    short revents; /* out: those of `want` that hold, or POLLNVAL */
};

#define GN_FOREVER UINT64_MAX

/* Waits until one of the items holds what it wants or the time (nanoseconds) is over. Gives the number of items with
 * revents, or -1 with errno set. */
int __gn_wait(struct gn_wait *items, size_t count, uint64_t timeout);

/* Nanoseconds of a time span, GN_FOREVER for NULL; false when it is not a valid span. */
int __gn_span(const struct timespec *, uint64_t *timeout);

#endif
