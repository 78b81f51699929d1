/* send, sendto, sendmsg, sendmmsg.
 *
 * MSG_NOSIGNAL, MSG_CONFIRM and MSG_EOR change nothing: there is no SIGPIPE, and the rest are hints. MSG_MORE is a hint
 * on a stream; on a datagram socket, where it would join datagrams, it is refused, as are MSG_OOB and MSG_DONTROUTE. */
#define _GNU_SOURCE /* sendmmsg */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "abi.h"
#include "address.h"
#include "fd.h"
#include "message.h"

/* The host's flags; gives an errno for flags that the ABI has not. */
static int host_flags(int fd, int flags, int *out) {
    if (flags & (MSG_OOB | MSG_DONTROUTE)) return EOPNOTSUPP;
    if (flags & MSG_MORE) {
        struct gn_socket socket;
        int error = __gn_socket_of(fd, &socket);
        if (error != 0) return error;
        if (socket.type == SOCK_DGRAM && socket.family != AF_UNIX) return EOPNOTSUPP;
    }
    *out = flags & MSG_DONTWAIT ? GN_SEND_DONTWAIT : 0;
    return 0;
}

/* What Linux makes of the target address, by kind of socket. */
enum target { TARGET_USED, TARGET_IGNORED };

static enum target udp6_target(const struct sockaddr *addr, socklen_t len, int *error) {
    if (len >= sizeof addr->sa_family && addr->sa_family == AF_UNSPEC) return TARGET_IGNORED;
    if (len >= sizeof(struct sockaddr_in) && addr->sa_family == AF_INET) return TARGET_USED;
    if (len < SIN6_LEN_RFC2133 || addr->sa_family != AF_INET6) *error = EINVAL;
    return TARGET_USED;
}

/* A UNIX stream takes no target; which error says so depends on whether there is a peer. */
static int unix_stream_error(int fd) {
    struct gn_name peer;
    __gn_name_out(&peer);
    return __gn_sock_getpeeraddr(fd, &peer.address, &peer.port) == 0 ? EISCONN : EOPNOTSUPP;
}

static enum target target_of(int fd, const struct gn_socket *socket, const struct sockaddr *addr, socklen_t len,
                             int *error) {
    if (socket->family == AF_UNIX && len == 0) return TARGET_IGNORED;
    if (socket->type == SOCK_STREAM) {
        if (socket->family == AF_UNIX) *error = unix_stream_error(fd);
        return TARGET_IGNORED;
    }
    if (socket->family == AF_INET6) return udp6_target(addr, len, error);
    *error = __gn_check_address(socket->family, addr, len);
    if (*error == EAFNOSUPPORT && addr->sa_family == AF_UNSPEC) *error = 0; /* taken as AF_INET */
    return TARGET_USED;
}

static ssize_t transmit(int fd, const struct iovec *iov, size_t count, int flags, const struct sockaddr *addr,
                        socklen_t len) {
    size_t done = 0;
    int host = 0;
    if (addr != NULL && len > sizeof(struct sockaddr_storage)) return __gn_refuse(fd, EINVAL);
    int error = host_flags(fd, flags, &host);
    if (error != 0) return __gn_refuse(fd, error);

    enum target target = addr != NULL ? TARGET_USED : TARGET_IGNORED;
    struct sockaddr_in renamed;
    if (addr != NULL && !__gn_is_whole(addr, len)) {
        struct gn_socket socket;
        error = __gn_socket_of(fd, &socket);
        if (error == 0) target = target_of(fd, &socket, addr, len, &error);
        if (error != 0) return __gn_result(error);
        if (target == TARGET_USED && addr->sa_family == AF_UNSPEC) {
            memcpy(&renamed, addr, sizeof renamed);
            renamed.sin_family = AF_INET;
            addr = (const struct sockaddr *)&renamed;
        }
    }
    if (target == TARGET_IGNORED) {
        error = __gn_sock_send(fd, iov, count, host, &done);
    } else {
        struct gn_name name;
        error = __gn_name_from(&name, addr, len);
        if (error == 0) error = __gn_sock_send_to(fd, iov, count, &name.address, name.port, host, &done);
    }
    return error != 0 ? __gn_result(error) : (ssize_t)done;
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *addr, socklen_t len) {
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    return transmit(fd, &iov, 1, flags, addr, len);
}

ssize_t send(int fd, const void *data, size_t size, int flags) { return sendto(fd, data, size, flags, NULL, 0); }

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    int error = __gn_check_message(message);
    if (error == 0 && message->msg_control != NULL && message->msg_controllen != 0) error = EOPNOTSUPP;
    if (error != 0) return __gn_refuse(fd, error);
    socklen_t len = message->msg_namelen;
    if (len > sizeof(struct sockaddr_storage)) len = sizeof(struct sockaddr_storage); /* as Linux does */
    const struct sockaddr *addr = len == 0 ? NULL : message->msg_name;
    return transmit(fd, message->msg_iov, (size_t)message->msg_iovlen, flags, addr, len);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, unsigned int flags) {
    unsigned int sent = 0;
    for (; sent < count; sent++) {
        ssize_t done = sendmsg(fd, &messages[sent].msg_hdr, (int)flags);
        if (done < 0) break;
        messages[sent].msg_len = (unsigned int)done;
    }
    return sent == 0 && count != 0 ? -1 : (int)sent;
}
