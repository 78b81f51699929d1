/* linux.c: calls of Linux that Emscripten's C library has no function for: eventfd(), timerfd_create(), sendfile(), splice() and the like, most of whose
 * headers are in include/sys; and sendmmsg() and recvmmsg(), which it makes one message at a time. The npm package has it as an
 * object, which guestnet-emcc names; what is not called is not linked.
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
struct mmsghdr;

/* The imports of libguestnet.js: the result, or a negated errno. */
int guestnet_eventfd(int initial, int flags);
int guestnet_timerfd_create(int clock, int flags);
int guestnet_timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old, const struct timespec *now);
int guestnet_timerfd_gettime(int fd, struct itimerspec *spec);
int guestnet_epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout);
int guestnet_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags);
int guestnet_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags, struct timespec *timeout);
int guestnet_splice(int from, int to, size_t count, unsigned flags);

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

WEAK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags) {
    return returned(guestnet_sendmmsg(fd, messages, count, flags));
}

WEAK int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags, struct timespec *timeout) {
    return returned(guestnet_recvmmsg(fd, messages, count, flags, timeout));
}

/* What one call of sendfile() moves at most, as in Linux, and how much of it at a time: the stack of a program has 64 KiB by default. */
#define SENDFILE_MOST 0x7ffff000
#define SENDFILE_PIECE 16384

/* Whether bytes of a file can be sent, by what Linux looks at and in its order; sets errno where they cannot. */
static int can_send(int out, int in, const off_t *offset, size_t count) {
    struct stat from, to;
    int mode = fcntl(in, F_GETFL);
    if (mode == -1 || fstat(in, &from) != 0) return 0;
    if ((mode & O_ACCMODE) == O_WRONLY) {
        errno = EBADF;
        return 0;
    }
    if (offset != NULL && (S_ISSOCK(from.st_mode) || S_ISFIFO(from.st_mode))) {
        errno = ESPIPE;
        return 0;
    }
    if (offset != NULL && (*offset < 0 || *offset > INT64_MAX - (off_t)count)) {
        errno = EINVAL;
        return 0;
    }
    mode = fcntl(out, F_GETFL);
    if (mode == -1 || fstat(out, &to) != 0) return 0;
    if ((mode & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return 0;
    }
    if (!S_ISREG(from.st_mode) || ((mode & O_APPEND) && !S_ISFIFO(to.st_mode))) {
        errno = EINVAL;
        return 0;
    }
    return 1;
}

/* A piece is read where it stands and counts once it was written, so that nothing is lost where there is no room for all. */
WEAK ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    char piece[SENDFILE_PIECE];
    if (!can_send(out, in, offset, count)) return -1;
    off_t begin = offset != NULL ? *offset : lseek(in, 0, SEEK_CUR);
    if (begin == -1) return -1;
    if (count > SENDFILE_MOST) count = SENDFILE_MOST;
    size_t done = 0;
    ssize_t moved = 0;
    while (done < count) {
        size_t left = count - done;
        ssize_t there = pread(in, piece, left < sizeof piece ? left : sizeof piece, begin + (off_t)done);
        if (there <= 0) {
            moved = there;
            break;
        }
        moved = write(out, piece, (size_t)there);
        if (moved <= 0) break;
        done += (size_t)moved;
    }
    if (done == 0 && moved < 0) return -1;
    if (offset != NULL) {
        *offset = begin + (off_t)done;
    } else {
        lseek(in, begin + (off_t)done, SEEK_SET);
    }
    return (ssize_t)done;
}

/* Fails as Linux does where one end of a splice has an offset: no pipe has one, and no socket can. */
static ssize_t no_offset(int fd) {
    struct stat stat;
    if (fstat(fd, &stat) == 0) errno = S_ISFIFO(stat.st_mode) ? ESPIPE : EINVAL;
    return -1;
}

WEAK ssize_t splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t count, unsigned flags) {
    if (count == 0) return 0;
    if (in_offset != NULL) return no_offset(in);
    if (out_offset != NULL) return no_offset(out);
    return returned(guestnet_splice(in, out, count, flags));
}
