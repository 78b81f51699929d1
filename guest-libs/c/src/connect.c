/* connect. AF_UNSPEC, which dissolves an association, goes to the host as a 128-byte address of family 0: guestnet
 * takes it, other hosts refuse it. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "abi.h"
#include "address.h"
#include "fd.h"

static int dissolve(int fd) {
    struct gn_name no_peer;
    __gn_name_out(&no_peer);
    return __gn_sock_connect(fd, &no_peer.address, 0);
}

/* The error for an unusable address on a stream: Linux looks at the socket's state first. */
static int stream_error(int fd, int error) {
    struct gn_name peer;
    __gn_name_out(&peer);
    if (__gn_sock_getpeeraddr(fd, &peer.address, &peer.port) == 0) return EISCONN;
    int listening = 0;
    uint32_t len = sizeof listening;
    if (__gn_sock_getsockopt(fd, GN_LEVEL_SOCKET, GN_SO_ACCEPTCONN, &listening, &len) == 0 && listening) return EISCONN;
    return error;
}

static int check(const struct gn_socket *socket, const struct sockaddr *addr, socklen_t len) {
    int family = socket->family;
    /* An IPv6 datagram socket may connect to an IPv4 address, which the kernel maps. */
    if (family == AF_INET6 && socket->type == SOCK_DGRAM && addr->sa_family == AF_INET) family = AF_INET;
    return __gn_check_address(family, addr, len);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len) {
    struct gn_socket socket;
    int error = __gn_socket_of(fd, &socket);
    if (error != 0) return __gn_result(error);
    if (len > sizeof(struct sockaddr_storage)) return __gn_result(EINVAL);
    if (addr == NULL && len != 0) return __gn_result(EFAULT);
    if (len < sizeof addr->sa_family) return __gn_result(EINVAL);
    if (addr->sa_family == AF_UNSPEC && !(socket.family == AF_UNIX && socket.type == SOCK_STREAM))
        return __gn_result(dissolve(fd));

    error = __gn_is_whole(addr, len) && socket.family != AF_UNIX ? 0 : check(&socket, addr, len);
    if (error != 0 && socket.type == SOCK_STREAM && socket.family != AF_UNIX) error = stream_error(fd, error);
    struct gn_name name;
    if (error == 0) error = __gn_name_from(&name, addr, len);
    if (error == 0) error = __gn_sock_connect(fd, &name.address, name.port);
    return __gn_result(error);
}
