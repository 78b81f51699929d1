/* fcntl: F_GETFL, F_SETFL, F_GETFD, F_SETFD. wasi-libc's says FD_CLOEXEC of every descriptor, even of one that is not
 * open; this one says what was set. Other commands are EINVAL, as there: WASI cannot duplicate a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "abi.h"
#include "fd.h"

#define STATUS_FLAGS (O_APPEND | O_DSYNC | O_NONBLOCK | O_RSYNC | O_SYNC)
#define RIGHT_READ (UINT64_C(1) << 1)
#define RIGHT_WRITE (UINT64_C(1) << 6)
#define RIGHT_READDIR (UINT64_C(1) << 14)

/* The access mode, which WASI does not keep, from the rights. */
static int access_mode(const struct gn_fdstat *stat) {
    bool socket = stat->filetype == GN_FILETYPE_SOCKET_STREAM || stat->filetype == GN_FILETYPE_SOCKET_DGRAM;
    bool read = socket || (stat->rights & (RIGHT_READ | RIGHT_READDIR));
    bool write = socket || (stat->rights & RIGHT_WRITE);
    if (read && write) return O_RDWR;
    if (read) return O_RDONLY;
    return write ? O_WRONLY : O_SEARCH;
}

int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    int argument = command == F_SETFL || command == F_SETFD ? va_arg(arguments, int) : 0;
    va_end(arguments);

    struct gn_fdstat stat;
    int error = __gn_fd_fdstat_get(fd, &stat);
    if (error != 0) return __gn_result(error);
    switch (command) {
        case F_GETFD:
            return __gn_cloexec(fd) ? FD_CLOEXEC : 0;
        case F_SETFD:
            __gn_set_cloexec(fd, argument & FD_CLOEXEC);
            return 0;
        case F_GETFL:
            return stat.flags | access_mode(&stat);
        case F_SETFL:
            return __gn_result(__gn_fd_fdstat_set_flags(fd, argument & STATUS_FLAGS));
        default:
            return __gn_result(EINVAL);
    }
}
