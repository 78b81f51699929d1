/* getsockname, getpeername. */
#include <sys/socket.h>

#include "abi.h"
#include "address.h"
#include "fd.h"

static int hand_out(int error, const struct gn_name *name, struct sockaddr *addr, socklen_t *len) {
    struct sockaddr_storage storage;
    if (error != 0) return __gn_result(error);
    socklen_t full = __gn_name_to(name, &storage);
    return __gn_result(__gn_copy_out(&storage, full, addr, len));
}

int getsockname(int fd, struct sockaddr *restrict addr, socklen_t *restrict len) {
    struct gn_name name;
    __gn_name_out(&name);
    int error = __gn_sock_getlocaladdr(fd, &name.address, &name.port);
    return hand_out(error, &name, addr, len);
}

int getpeername(int fd, struct sockaddr *restrict addr, socklen_t *restrict len) {
    struct gn_name name;
    __gn_name_out(&name);
    int error = __gn_sock_getpeeraddr(fd, &name.address, &name.port);
    return hand_out(error, &name, addr, len);
}
