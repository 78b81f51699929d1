/* socket, socketpair. Arguments are judged here, in Linux's order and with its errnos, because the host's sock_open
 * takes only families and types that exist. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "abi.h"
#include "fd.h"

#define TYPE_MASK 0xf
#define TYPE_COUNT 11  /* Linux's SOCK_MAX */
#define FAMILY_COUNT 46 /* Linux's AF_MAX */

static int inet_error(int family, int type, int protocol) {
    if (protocol < 0 || protocol >= IPPROTO_MAX) return EINVAL;
    switch (type) {
        case SOCK_STREAM:
            return protocol == 0 || protocol == IPPROTO_TCP ? 0 : EPROTONOSUPPORT;
        case SOCK_DGRAM:
            if (protocol == (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6)) return EACCES; /* ping sockets */
            return protocol == 0 || protocol == IPPROTO_UDP ? 0 : EPROTONOSUPPORT;
        case SOCK_RAW:
            return protocol == 0 ? EPROTONOSUPPORT : EPERM;
        default:
            return ESOCKTNOSUPPORT;
    }
}

static int unix_error(int type, int protocol) {
    if (protocol != 0 && protocol != PF_UNIX) return EPROTONOSUPPORT;
    return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_RAW ? 0 : ESOCKTNOSUPPORT;
}

/* What Linux says of the arguments, 0 when it would make the socket. SOCK_SEQPACKET is the exception: no ABI has it. */
static int argument_error(int family, int type, int protocol) {
    if (type & ~(TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) return EINVAL;
    type &= TYPE_MASK;
    if (family < 0 || family >= FAMILY_COUNT) return EAFNOSUPPORT;
    if (type >= TYPE_COUNT) return EINVAL;
    if (family == AF_INET || family == AF_INET6) return inet_error(family, type, protocol);
    if (family == AF_UNIX) return unix_error(type, protocol);
    return EAFNOSUPPORT;
}

int socket(int family, int type, int protocol) {
    int error = argument_error(family, type, protocol);
    if (error != 0) return __gn_result(error);
    int fd = -1;
    /* A raw UNIX socket is a datagram socket on Linux. */
    error = __gn_sock_open(family, (type & TYPE_MASK) == SOCK_STREAM ? GN_TYPE_STREAM : GN_TYPE_DGRAM, &fd);
    if (error != 0) return __gn_result(error);
    if (type & SOCK_NONBLOCK) error = __gn_set_nonblocking(fd, true);
    if (error != 0) {
        int ignored = __gn_fd_close(fd);
        (void)ignored;
        return __gn_result(error);
    }
    __gn_set_cloexec(fd, type & SOCK_CLOEXEC);
    return fd;
}

/* No socket ABI can make a pair. Linux says EOPNOTSUPP for IP, the overlay says it for UNIX sockets as well. */
int socketpair(int family, int type, int protocol, int fds[2]) {
    (void)fds;
    int error = argument_error(family, type, protocol);
    return __gn_result(error != 0 ? error : EOPNOTSUPP);
}
