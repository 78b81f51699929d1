/* ioctl: FIONREAD and FIONBIO, on every descriptor. Other requests are ENOTTY. */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "abi.h"
#include "fd.h"

/* Linux has no number of bytes for a listening socket. */
static bool is_listening(int fd) {
    int listening = 0;
    uint32_t len = sizeof listening;
    return __gn_sock_getsockopt(fd, GN_LEVEL_SOCKET, GN_SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* The number comes with a read event; without one there is nothing to read. */
static int readable_bytes(int fd, int *bytes) {
    const struct gn_subscription ask[2] = {
        {.userdata = 0, .tag = GN_EVENT_FD_READ, .u.fd = (uint32_t)fd},
        {.userdata = 1, .tag = GN_EVENT_CLOCK, .u.clock = {.id = GN_CLOCK_MONOTONIC, .timeout = 0}},
    };
    struct gn_event events[2];
    size_t ready = 0;
    int error = __gn_poll_oneoff(ask, events, 2, &ready);
    if (error != 0) return error;
    *bytes = 0;
    for (size_t i = 0; i < ready && i < 2; i++) {
        if (events[i].type != GN_EVENT_FD_READ) continue;
        if (events[i].error != 0) return events[i].error;
        *bytes = (int)events[i].nbytes;
    }
    return *bytes == 0 && is_listening(fd) ? EINVAL : 0;
}

int ioctl(int fd, int request, ...) {
    va_list arguments;
    va_start(arguments, request);
    int *argument = request == FIONREAD || request == FIONBIO ? va_arg(arguments, int *) : NULL;
    va_end(arguments);

    struct gn_fdstat stat;
    int error = __gn_fd_fdstat_get(fd, &stat);
    if (error != 0) return __gn_result(error);
    if (request != FIONREAD && request != FIONBIO) return __gn_result(ENOTTY);
    if (argument == NULL) return __gn_result(EFAULT);
    return __gn_result(request == FIONREAD ? readable_bytes(fd, argument) : __gn_set_nonblocking(fd, *argument != 0));
}
