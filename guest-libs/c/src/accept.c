/* accept, accept4. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "abi.h"
#include "address.h"
#include "fd.h"

/* The peer's address. One that has gone already can no longer be asked for: then only the family is known. */
static int peer_of(int fd, struct sockaddr *addr, socklen_t *len) {
    struct gn_name name;
    struct sockaddr_storage peer;
    __gn_name_out(&name);
    if (__gn_sock_getpeeraddr(fd, &name.address, &name.port) != 0) {
        __gn_name_out(&name);
        int error = __gn_sock_getlocaladdr(fd, &name.address, &name.port);
        if (error != 0) return ECONNABORTED;
        memset(name.bytes + 2, 0, sizeof name.bytes - 2);
        name.port = 0;
    }
    socklen_t full = __gn_name_to(&name, &peer);
    return __gn_copy_out(&peer, full, addr, len);
}

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags) {
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) {
        struct gn_fdstat stat;
        int error = __gn_fd_fdstat_get(fd, &stat);
        return __gn_result(error != 0 ? error : EINVAL); /* before ENOTSOCK, unlike elsewhere */
    }
    int accepted = -1;
    int error = __gn_sock_accept(fd, flags & SOCK_NONBLOCK ? GN_FDFLAG_NONBLOCK : 0, &accepted);
    if (error != 0) return __gn_result(error);
    if (addr != NULL) error = peer_of(accepted, addr, len);
    if (error != 0) {
        int ignored = __gn_fd_close(accepted);
        (void)ignored;
        return __gn_result(error);
    }
    __gn_set_cloexec(accepted, flags & SOCK_CLOEXEC);
    return accepted;
}

int accept(int fd, struct sockaddr *restrict addr, socklen_t *restrict len) { return accept4(fd, addr, len, 0); }
