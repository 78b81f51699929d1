/* guestnet-jspi.c: blocking calls that suspend the program, for links with -sJSPI. The npm package has it
 * as an object, which guestnet-emcc --jspi names: the same one with and without -pthread.
 *
 * Each call is tried first, by an import that never suspends; only where it would block does the program wait, by the one
 * import that does. So a call that has nothing to wait for also works from where nothing can suspend, such as a callback.
 * Not here: what the calls do. */
#define _GNU_SOURCE /* struct mmsghdr */
#include <emscripten/threading.h>
#include <errno.h>
#include <guestnet/dns.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

/* What the main thread does before each call: nothing, unless guestnet-jspi-web.c is linked, which has another one. */
__attribute__((weak)) void guestnet_before_call(void) {}

/* Only the main thread suspends. Another makes the call as it is, which blocks that thread and no other. */
#define ELSEWHERE(call) \
    if (!emscripten_is_main_runtime_thread()) return guestnet_block_##call; \
    guestnet_before_call()

/* An import of libguestnet-jspi.js: the result of the system call, or WOULD_BLOCK. */
#define WOULD_BLOCK INT32_MIN

int guestnet_try_accept4(int fd, intptr_t addr, intptr_t len, int flags);
int guestnet_try_connect(int fd, intptr_t addr, size_t len);
int guestnet_try_recvfrom(int fd, intptr_t buffer, size_t size, int flags, intptr_t addr, intptr_t len);
int guestnet_try_recvmsg(int fd, intptr_t message, int flags);
int guestnet_try_sendto(int fd, intptr_t buffer, size_t size, int flags, intptr_t addr, size_t len);
int guestnet_try_sendmsg(int fd, intptr_t message, int flags);
int guestnet_try_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags);
int guestnet_try_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags, struct timespec *timeout);
int guestnet_try_poll(intptr_t fds, int count);
int guestnet_try_epoll(int epoll, intptr_t events, int count);

/* The result is an EAI_* or 0. For WOULD_BLOCK, `pending` has the number of the look-up: its descriptor, which becomes readable, or
 * a negated errno; or it is left alone, and goes on when the program looks the same up again. */
int guestnet_try_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result,
                             int *pending);
int guestnet_lookup_descriptor(int pending);
void guestnet_lookup_leave(int pending);

/* Whether calls on this descriptor are to wait. */
int guestnet_blocks(int fd);

int guestnet_try_fd_read(int fd, const __wasi_iovec_t *vector, size_t count, __wasi_size_t *done);
int guestnet_try_fd_write(int fd, const __wasi_ciovec_t *vector, size_t count, __wasi_size_t *done);

/* The imports of libguestnet.js. */
int guestnet_block_accept4(int fd, intptr_t addr, intptr_t len, int flags, int unused, int unused2);
int guestnet_block_connect(int fd, intptr_t addr, size_t len, int unused, int unused2, int unused3);
int guestnet_block_recvfrom(int fd, intptr_t buffer, size_t size, int flags, intptr_t addr, intptr_t len);
int guestnet_block_recvmsg(int fd, intptr_t message, int flags, int unused, int unused2, int unused3);
int guestnet_block_sendto(int fd, intptr_t buffer, size_t size, int flags, intptr_t addr, size_t len);
int guestnet_block_sendmsg(int fd, intptr_t message, int flags, intptr_t unused, size_t unused2, int unused3);
__wasi_errno_t guestnet_block_fd_read(__wasi_fd_t fd, const __wasi_iovec_t *vector, size_t count, __wasi_size_t *done);
__wasi_errno_t guestnet_block_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *vector, size_t count, __wasi_size_t *done);
int guestnet_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags);
int guestnet_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags, struct timespec *timeout);
int guestnet_block_poll(intptr_t fds, int count, int timeout);
int guestnet_block_epoll_pwait(int epoll, intptr_t events, int count, int timeout, intptr_t mask, size_t size);
int guestnet_block_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);

/* Suspends until one of the descriptors is ready or the time is over; -1 is for ever. More often than that is no harm. */
int guestnet_wait(intptr_t fds, int count, int timeout);

/* Whether the program can suspend here. It cannot in a callback, nor in any other call of JavaScript's that does not wait for it:
 * guestnet_pause() suspends for a moment, and throws there. C has no way to catch that. The instructions are the older ones of
 * WebAssembly's two sets, which is what emcc makes by default, and what it translates where it makes the newer. */
int guestnet_can_suspend(void);
__asm__(".functype guestnet_pause () -> (i32)\n"
        ".globl guestnet_can_suspend\n"
        ".hidden guestnet_can_suspend\n"
        ".type guestnet_can_suspend,@function\n"
        "guestnet_can_suspend:\n"
        ".functype guestnet_can_suspend () -> (i32)\n"
        "try i32\n"
        "call guestnet_pause\n"
        "catch_all\n"
        "i32.const 0\n"
        "end_try\n"
        "end_function\n");

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The limit of SO_RCVTIMEO or SO_SNDTIMEO in milliseconds, -1 for none. */
static int limit(int fd, int option) {
    struct timeval time = {0, 0};
    socklen_t len = sizeof time;
    if (getsockopt(fd, SOL_SOCKET, option, &time, &len) != 0 || (time.tv_sec == 0 && time.tv_usec == 0)) return -1;
    int64_t millis = (int64_t)time.tv_sec * 1000 + (time.tv_usec + 999) / 1000;
    return millis > INT32_MAX ? INT32_MAX : (int)millis;
}

/* Until when a call may wait: as SO_RCVTIMEO or SO_SNDTIMEO says, which is read when it first waits. */
struct deadline {
    int64_t end;
    int known, forever;
};

/* Waits for one descriptor; 0 when the time is over. */
static int wait_for(int fd, short events, int option, struct deadline *deadline) {
    if (!deadline->known) {
        int millis = limit(fd, option);
        deadline->known = 1;
        deadline->forever = millis < 0;
        deadline->end = now() + millis;
    }
    int64_t left = deadline->forever ? -1 : deadline->end - now();
    if (!deadline->forever && left <= 0) return 0;
    struct pollfd one = {fd, events, 0};
    guestnet_wait((intptr_t)&one, 1, (int)left);
    return 1;
}

int __syscall_accept4(int fd, intptr_t addr, intptr_t len, int flags, int unused, int unused2) {
    ELSEWHERE(accept4(fd, addr, len, flags, unused, unused2));
    (void)unused;
    (void)unused2;
    struct deadline deadline = {0, 0, 0};
    for (;;) {
        int result = guestnet_try_accept4(fd, addr, len, flags);
        if (result != WOULD_BLOCK) return result;
        if (!wait_for(fd, POLLIN, SO_RCVTIMEO, &deadline)) return -EAGAIN;
    }
}

int __syscall_connect(int fd, intptr_t addr, size_t len, int unused, int unused2, int unused3) {
    ELSEWHERE(connect(fd, addr, len, unused, unused2, unused3));
    (void)unused;
    (void)unused2;
    (void)unused3;
    struct deadline deadline = {0, 0, 0};
    for (int first = 0;;) {
        int result = guestnet_try_connect(fd, addr, len);
        int pending = result == -EINPROGRESS || result == -EALREADY || result == -EAGAIN;
        if (!pending || !guestnet_blocks(fd)) return result;
        if (first == 0) first = result;
        /* socket(7): a connect that SO_SNDTIMEO ends says EINPROGRESS, a second one EALREADY. */
        if (!wait_for(fd, POLLOUT, SO_SNDTIMEO, &deadline)) return first;
    }
}

static int is_stream(int fd) {
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int __syscall_recvfrom(int fd, intptr_t buffer, size_t size, int flags, intptr_t addr, intptr_t len) {
    ELSEWHERE(recvfrom(fd, buffer, size, flags, addr, len));
    struct deadline deadline = {0, 0, 0};
    size_t done = 0;
    for (;;) {
        int result = guestnet_try_recvfrom(fd, buffer + (intptr_t)done, size - done, flags, addr, len);
        if (result != WOULD_BLOCK) {
            if (result <= 0) return done > 0 ? (int)done : result;
            done += (size_t)result;
            if (!(flags & MSG_WAITALL) || (flags & (MSG_PEEK | MSG_DONTWAIT)) || done >= size || !is_stream(fd))
                return (int)done;
            continue;
        }
        if (!wait_for(fd, flags & MSG_OOB ? POLLPRI : POLLIN, SO_RCVTIMEO, &deadline))
            return done > 0 ? (int)done : -EAGAIN;
    }
}

int __syscall_recvmsg(int fd, intptr_t message, int flags, int unused, int unused2, int unused3) {
    ELSEWHERE(recvmsg(fd, message, flags, unused, unused2, unused3));
    (void)unused;
    (void)unused2;
    (void)unused3;
    struct deadline deadline = {0, 0, 0};
    for (;;) {
        int result = guestnet_try_recvmsg(fd, message, flags);
        if (result != WOULD_BLOCK) return result;
        if (!wait_for(fd, POLLIN, SO_RCVTIMEO, &deadline)) return -EAGAIN;
    }
}

/* A blocking send on a stream returns when everything is queued. */
int __syscall_sendto(int fd, intptr_t buffer, size_t size, int flags, intptr_t addr, size_t len) {
    ELSEWHERE(sendto(fd, buffer, size, flags, addr, len));
    struct deadline deadline = {0, 0, 0};
    size_t done = 0;
    for (;;) {
        int result = guestnet_try_sendto(fd, buffer + (intptr_t)done, size - done, flags, addr, len);
        if (result != WOULD_BLOCK) {
            if (result < 0) return done > 0 ? (int)done : result;
            done += (size_t)result;
            if (done >= size || (flags & MSG_DONTWAIT)) return (int)done;
            continue;
        }
        if (!wait_for(fd, POLLOUT, SO_SNDTIMEO, &deadline)) return done > 0 ? (int)done : -EAGAIN;
    }
}

/* May send a part only, as a non-blocking one does. */
int __syscall_sendmsg(int fd, intptr_t message, int flags, intptr_t unused, size_t unused2, int unused3) {
    ELSEWHERE(sendmsg(fd, message, flags, unused, unused2, unused3));
    (void)unused;
    (void)unused2;
    (void)unused3;
    struct deadline deadline = {0, 0, 0};
    for (;;) {
        int result = guestnet_try_sendmsg(fd, message, flags);
        if (result != WOULD_BLOCK) return result;
        if (!wait_for(fd, POLLOUT, SO_SNDTIMEO, &deadline)) return -EAGAIN;
    }
}

static int returned(int result) {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

#define BATCH_ELSEWHERE(call) \
    if (!emscripten_is_main_runtime_thread()) return returned(guestnet_##call)

/* Waits where not one message can be sent; returns how many could be. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags) {
    BATCH_ELSEWHERE(sendmmsg(fd, messages, count, flags));
    struct deadline deadline = {0, 0, 0};
    for (;;) {
        int result = guestnet_try_sendmmsg(fd, messages, count, flags);
        if (result != WOULD_BLOCK) return returned(result);
        if (!wait_for(fd, POLLOUT, SO_SNDTIMEO, &deadline)) return returned(-EAGAIN);
    }
}

#define NANOS 1000000000

static int64_t now_nanos(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * NANOS + time.tv_nsec;
}

static int64_t nanos_of(const struct timespec *time) {
    int64_t most = INT64_MAX / 2 / NANOS;
    return time->tv_sec > most ? most * NANOS : time->tv_sec * NANOS + time->tv_nsec;
}

/* The most messages of one call, as in Linux's sendmmsg(). */
#define BATCH_MOST 1024

/* Whether the next call on the descriptor would report an error. */
static int has_error(int fd) {
    struct pollfd one = {fd, 0, 0};
    return guestnet_try_poll((intptr_t)&one, 1) > 0 && (one.revents & POLLERR);
}

/* The time is read once the first try has found it right. What is left of it is written after a message only. An error that comes
 * after a message is the next call's. */
int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, unsigned flags, struct timespec *timeout) {
    BATCH_ELSEWHERE(recvmmsg(fd, messages, count, flags, timeout));
    struct deadline deadline = {0, 0, 0};
    struct timespec left, *time = timeout;
    int64_t begin = now_nanos(), end = -1;
    unsigned done = 0;
    if (count > BATCH_MOST) count = BATCH_MOST;
    for (;;) {
        if (done > 0 && has_error(fd)) return (int)done;
        int result = guestnet_try_recvmmsg(fd, messages + done, count - done, flags, time);
        if (result >= 0) {
            done += (unsigned)result;
            if (result > 0 && timeout != NULL) {
                *timeout = *time;
                end = now_nanos() + nanos_of(time);
                if (time->tv_sec == 0 && time->tv_nsec == 0) return (int)done;
            }
            if (done >= count || (flags & (MSG_WAITFORONE | MSG_DONTWAIT)) || !guestnet_blocks(fd)) return (int)done;
            deadline.known = 0;
        } else if (result != WOULD_BLOCK) {
            return done > 0 ? (int)done : returned(result);
        } else {
            if (timeout != NULL && end < 0) end = begin + nanos_of(timeout);
            if (!wait_for(fd, POLLIN, SO_RCVTIMEO, &deadline)) return done > 0 ? (int)done : returned(-EAGAIN);
            if (timeout != NULL) {
                int64_t nanos = end - now_nanos();
                if (nanos < 0) nanos = 0;
                left = (struct timespec){.tv_sec = nanos / NANOS, .tv_nsec = (long)(nanos % NANOS)};
                time = &left;
            }
        }
    }
}

/* read() and write(), of files too. The result is an errno and not negative. A write may write a part only. */
__wasi_errno_t __wasi_fd_read(__wasi_fd_t fd, const __wasi_iovec_t *vector, size_t count, __wasi_size_t *done) {
    ELSEWHERE(fd_read(fd, vector, count, done));
    struct deadline deadline = {0, 0, 0};
    for (;;) {
        int error = guestnet_try_fd_read(fd, vector, count, done);
        if (error != WOULD_BLOCK) return (__wasi_errno_t)error;
        if (!wait_for(fd, POLLIN, SO_RCVTIMEO, &deadline)) return EAGAIN;
    }
}

__wasi_errno_t __wasi_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *vector, size_t count, __wasi_size_t *done) {
    ELSEWHERE(fd_write(fd, vector, count, done));
    struct deadline deadline = {0, 0, 0};
    for (;;) {
        int error = guestnet_try_fd_write(fd, vector, count, done);
        if (error != WOULD_BLOCK) return (__wasi_errno_t)error;
        if (!wait_for(fd, POLLOUT, SO_SNDTIMEO, &deadline)) return EAGAIN;
    }
}

int __syscall_poll(intptr_t fds, int count, int timeout) {
    ELSEWHERE(poll(fds, count, timeout));
    int64_t end = timeout > 0 ? now() + timeout : 0;
    for (;;) {
        int ready = guestnet_try_poll(fds, count);
        if (ready != 0 || timeout == 0) return ready;
        int64_t left = timeout < 0 ? -1 : end - now();
        if (timeout > 0 && left <= 0) return 0;
        guestnet_wait(fds, count, (int)left);
    }
}

int __syscall_epoll_pwait(int epoll, intptr_t events, int count, int timeout, intptr_t mask, size_t size) {
    ELSEWHERE(epoll_pwait(epoll, events, count, timeout, mask, size));
    (void)mask;
    (void)size;
    int64_t end = timeout > 0 ? now() + timeout : 0;
    struct pollfd one = {epoll, POLLIN, 0};
    for (;;) {
        int ready = guestnet_try_epoll(epoll, events, count);
        if (ready != 0 || timeout == 0) return ready;
        int64_t left = timeout < 0 ? -1 : end - now();
        if (timeout > 0 && left <= 0) return 0;
        guestnet_wait((intptr_t)&one, 1, (int)left);
    }
}

/* Waits for whole milliseconds, rounded up. */
int epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout, const sigset_t *mask) {
    int64_t millis = -1;
    if (timeout != NULL) {
        if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000) {
            errno = EINVAL;
            return -1;
        }
        int64_t most = INT32_MAX / 1000 - 1;
        millis = timeout->tv_sec > most ? INT32_MAX : timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000;
    }
    return epoll_pwait(epoll, events, count, (int)millis, mask);
}

/* What needs no resolver is answered at once, in a callback too. There the rest is EAI_AGAIN. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    ELSEWHERE(getaddrinfo(node, service, hints, result));
    int pending;
    int error = guestnet_try_getaddrinfo(node, service, hints, result, &pending);
    if (error != WOULD_BLOCK) return error;
    if (!guestnet_can_suspend()) {
        guestnet_lookup_leave(pending);
        return EAI_AGAIN;
    }
    int fd = guestnet_lookup_descriptor(pending);
    if (fd < 0) {
        errno = -fd;
        return fd == -EAGAIN ? EAI_AGAIN : EAI_SYSTEM;
    }
    struct pollfd one = {fd, POLLIN, 0};
    while (guestnet_try_poll((intptr_t)&one, 1) == 0) guestnet_wait((intptr_t)&one, 1, -1);
    error = emscripten_dns_lookup_result(fd, result);
    close(fd);
    return error;
}

