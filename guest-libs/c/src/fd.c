/* What a descriptor is, and how a call fails. Everything is asked of the host anew: a descriptor may be closed, or
 * handed over by somebody who knows nothing of this library. FD_CLOEXEC alone is kept here. */
#include "fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi.h"
#include "address.h"

int __gn_result(int error) {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

static int type_of(int fd, int *type) {
    struct gn_fdstat stat;
    int error = __gn_fd_fdstat_get(fd, &stat);
    if (error != 0) return error;
    if (stat.filetype == GN_FILETYPE_SOCKET_STREAM)
        *type = SOCK_STREAM;
    else if (stat.filetype == GN_FILETYPE_SOCKET_DGRAM)
        *type = SOCK_DGRAM;
    else
        return ENOTSOCK;
    return 0;
}

int __gn_refuse(int fd, int error) {
    int type;
    int descriptor = type_of(fd, &type);
    errno = descriptor != 0 ? descriptor : error;
    return -1;
}

int __gn_socket_of(int fd, struct gn_socket *socket) {
    int error = type_of(fd, &socket->type);
    if (error != 0) return error;
    struct gn_name name;
    __gn_name_out(&name);
    error = __gn_sock_getlocaladdr(fd, &name.address, &name.port);
    if (error != 0) return error;
    socket->family = __gn_name_family(&name);
    return 0;
}

int __gn_set_nonblocking(int fd, bool on) {
    struct gn_fdstat stat;
    int error = __gn_fd_fdstat_get(fd, &stat);
    if (error != 0) return error;
    return __gn_fd_fdstat_set_flags(fd, on ? stat.flags | GN_FDFLAG_NONBLOCK : stat.flags & ~GN_FDFLAG_NONBLOCK);
}

/* One bit a descriptor. Descriptors are small numbers: the lowest free one is taken. A stale bit, left by a descriptor
 * that was closed, is put right when socket() or accept() gets the number again. */
static unsigned char *cloexec;
static size_t cloexec_bytes;
#define CLOEXEC_MAX_FD (1 << 20) /* above it the flag is forgotten: it has no effect anyway */

void __gn_set_cloexec(int fd, bool on) {
    if (fd < 0 || fd >= CLOEXEC_MAX_FD) return;
    size_t byte = (size_t)fd / 8;
    if (byte >= cloexec_bytes) {
        if (!on) return;
        size_t bytes = (byte + 64) & ~(size_t)63;
        unsigned char *grown = realloc(cloexec, bytes);
        if (grown == NULL) return;
        memset(grown + cloexec_bytes, 0, bytes - cloexec_bytes);
        cloexec = grown;
        cloexec_bytes = bytes;
    }
    unsigned char bit = (unsigned char)(1 << (fd % 8));
    if (on)
        cloexec[byte] |= bit;
    else
        cloexec[byte] &= (unsigned char)~bit;
}

bool __gn_cloexec(int fd) {
    size_t byte = (size_t)fd / 8;
    return fd >= 0 && byte < cloexec_bytes && (cloexec[byte] >> (fd % 8) & 1);
}
