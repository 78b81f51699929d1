/* ioctl: FIONREAD and FIONBIO, on every descriptor. Other requests are ENOTTY.
 *
 * wasi-libc takes FIONREAD from the byte count of a poll event, which hosts do not keep exactly. Here a socket's
 * number comes from a look at what can be received, and only that of other descriptors from the event. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "abi.h"
#include "fd.h"

#define LOOK_MIN 65536   /* bytes looked for at first; twice as many when all are there */
#define LOOK_MAX 8388608 /* and the most, above what the kernel buffers for a socket */

static int look(int fd, void *buffer, size_t size, int flags, int *bytes) {
    const struct iovec iov = {.iov_base = buffer, .iov_len = size};
    size_t done = 0;
    uint16_t out = 0;
    int error = __gn_sock_recv(fd, &iov, 1, GN_RECV_PEEK | GN_RECV_DONTWAIT | flags, &done, &out);
    *bytes = error == 0 ? (int)done : 0;
    return error;
}

static int stream_bytes(int fd, int *bytes) {
    for (size_t size = LOOK_MIN;; size *= 2) {
        void *buffer = malloc(size);
        if (buffer == NULL) return ENOMEM;
        int error = look(fd, buffer, size, 0, bytes);
        free(buffer);
        if (error != 0 || (size_t)*bytes < size || size == LOOK_MAX) return error;
    }
}

/* Linux has no number for a listening socket. */
static bool is_listening(int fd) {
    int listening = 0;
    uint32_t len = sizeof listening;
    return __gn_sock_getsockopt(fd, GN_LEVEL_SOCKET, GN_SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* What a read event says; without an event there is nothing to read. */
static int poll_now(int fd, struct gn_event *read) {
    const struct gn_subscription ask[2] = {
        {.userdata = 0, .tag = GN_EVENT_FD_READ, .u.fd = (uint32_t)fd},
        {.userdata = 1, .tag = GN_EVENT_CLOCK, .u.clock = {.id = GN_CLOCK_MONOTONIC, .timeout = 0}},
    };
    struct gn_event events[2] = {{0}};
    size_t ready = 0;
    int error = __gn_poll_oneoff(ask, events, 2, &ready);
    *read = (struct gn_event){0};
    for (size_t i = 0; error == 0 && i < ready && i < 2; i++)
        if (events[i].type == GN_EVENT_FD_READ) *read = events[i];
    return error != 0 ? error : read->error;
}

static int readable_bytes(int fd, uint8_t filetype, int *bytes) {
    struct gn_event read;
    *bytes = 0;
    int error = poll_now(fd, &read);
    if (error != 0) return error;
    bool stream = filetype == GN_FILETYPE_SOCKET_STREAM;
    if (!stream && filetype != GN_FILETYPE_SOCKET_DGRAM) {
        *bytes = (int)read.nbytes;
        return 0;
    }
    if (stream && is_listening(fd)) return EINVAL;
    /* Nothing there, or a pending error, which a look would take away. */
    if (read.type != GN_EVENT_FD_READ || (read.flags & GN_RW_ERROR)) return 0;
    error = stream ? stream_bytes(fd, bytes) : look(fd, NULL, 0, GN_RECV_TRUNC, bytes);
    return error == EAGAIN || error == ENOTCONN || error == EINVAL ? 0 : error; /* the last for a UNIX stream */
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
    if (request == FIONBIO) return __gn_result(__gn_set_nonblocking(fd, *argument != 0));
    return __gn_result(readable_bytes(fd, stat.filetype, argument));
}
