/* linux.c: calls of Linux that Emscripten's C library has no function for: eventfd(), timerfd_create() and the like. Their headers
 * are in include/sys. The npm package has it as an object, which guestnet-emcc names; what is not called is not linked.
 *
 * All are weak, so that a program may bring its own. Not here: what the calls do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define WEAK __attribute__((weak))


struct epoll_event;

/* The imports of libguestnet.js: the result, or a negated errno. */
int guestnet_eventfd(int initial, int flags);
int guestnet_timerfd_create(int clock, int flags);
int guestnet_timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old, const struct timespec *now);
int guestnet_timerfd_gettime(int fd, struct itimerspec *spec);
int guestnet_epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout);

static int returned(int result) {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

WEAK int eventfd(unsigned initial, int flags) { return returned(guestnet_eventfd((int)initial, flags)); }

WEAK int eventfd_read(int fd, uint64_t *value) { return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1; }

WEAK int eventfd_write(int fd, uint64_t value) { return write(fd, &value, sizeof value) == sizeof value ? 0 : -1; }

WEAK int timerfd_create(int clock, int flags) { return returned(guestnet_timerfd_create(clock, flags)); }

/* The clock of the program is not the machine's: an absolute time counts from what it says now. */
WEAK int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return returned(guestnet_timerfd_settime(fd, flags, spec, old, &now));
}

WEAK int timerfd_gettime(int fd, struct itimerspec *spec) { return returned(guestnet_timerfd_gettime(fd, spec)); }

/* No signal ever comes, and a mask has nothing to hold back. */
WEAK int epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout, const sigset_t *mask) {
    (void)mask;
    return returned(guestnet_epoll_pwait2(epoll, events, count, timeout));
}

/* As a kernel without it answers: signals do not come from outside, so that a descriptor for them would never be ready. */
WEAK int signalfd(int fd, const sigset_t *mask, int flags) {
    (void)fd;
    (void)mask;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

