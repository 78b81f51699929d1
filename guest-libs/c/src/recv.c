/* recv, recvfrom, recvmsg, recvmmsg.
 *
 * MSG_DONTWAIT and MSG_TRUNC go to the host as guestnet's own flags; hosts that do not know them refuse them. Urgent
 * data cannot be had: MSG_OOB finds none. There is never ancillary data, and the error queue is always empty. */
#define _GNU_SOURCE /* recvmmsg */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "abi.h"
#include "address.h"
#include "fd.h"
#include "message.h"

/* MSG_OOB and MSG_ERRQUEUE as Linux takes them by kind of socket, without urgent data and without errors in the queue.
 * Gives 0 when the flag is without effect there, else an errno. */
static int special_error(int fd, int flags) {
    struct gn_socket socket;
    int error = __gn_socket_of(fd, &socket);
    if (error != 0) return error;
    bool local = socket.family == AF_UNIX;
    if ((flags & MSG_ERRQUEUE) && !local) return EAGAIN;
    if ((flags & MSG_OOB) && socket.type == SOCK_STREAM) return EINVAL;
    return (flags & MSG_OOB) && local ? EOPNOTSUPP : 0;
}

static int host_flags(int fd, int flags, int *out) {
    *out = (flags & MSG_PEEK ? GN_RECV_PEEK : 0) | (flags & MSG_WAITALL ? GN_RECV_WAITALL : 0) |
           (flags & MSG_DONTWAIT ? GN_RECV_DONTWAIT : 0) | (flags & MSG_TRUNC ? GN_RECV_TRUNC : 0);
    return flags & (MSG_OOB | MSG_ERRQUEUE) ? special_error(fd, flags) : 0;
}

/* Where the data came from. A stream has no sender, and neither has a UNIX datagram from a socket without a name:
 * Linux then gives the length 0. */
static socklen_t sender(const struct gn_name *name, struct sockaddr_storage *from) {
    socklen_t full = __gn_name_to(name, from);
    return from->ss_family == AF_UNIX && full == sizeof(sa_family_t) ? 0 : full;
}

ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags, struct sockaddr *restrict addr,
                 socklen_t *restrict len) {
    struct iovec iov = {.iov_base = data, .iov_len = size};
    size_t done = 0;
    uint16_t out = 0;
    int host = 0;
    int error = host_flags(fd, flags, &host);
    if (error != 0) return __gn_refuse(fd, error);
    if (addr == NULL) {
        error = __gn_sock_recv(fd, &iov, 1, host, &done, &out);
        return error != 0 ? __gn_result(error) : (ssize_t)done;
    }

    struct gn_name name;
    struct sockaddr_storage from;
    __gn_name_out(&name);
    error = __gn_sock_recv_from(fd, &iov, 1, &name.address, host, &name.port, &done, &out);
    socklen_t full = sender(&name, &from);
    if (error == 0) error = __gn_copy_out(&from, full, addr, len);
    return error != 0 ? __gn_result(error) : (ssize_t)done;
}

ssize_t recv(int fd, void *data, size_t size, int flags) { return recvfrom(fd, data, size, flags, NULL, NULL); }

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    size_t done = 0;
    uint16_t out = 0;
    int host = 0;
    int error = __gn_check_message(message);
    if (error == 0) error = host_flags(fd, flags, &host);
    if (error != 0) return __gn_refuse(fd, error);

    size_t count = (size_t)message->msg_iovlen;
    if (message->msg_name == NULL) {
        error = __gn_sock_recv(fd, message->msg_iov, count, host, &done, &out);
    } else {
        struct gn_name name;
        struct sockaddr_storage from;
        __gn_name_out(&name);
        error = __gn_sock_recv_from(fd, message->msg_iov, count, &name.address, host, &name.port, &done, &out);
        socklen_t full = sender(&name, &from);
        if (error == 0) error = __gn_copy_out(&from, full, message->msg_name, &message->msg_namelen);
    }
    if (error != 0) return __gn_result(error);
    message->msg_controllen = 0;
    message->msg_flags = out & GN_RECVD_TRUNCATED ? MSG_TRUNC : 0;
    return (ssize_t)done;
}

/* The timeout is not looked at: Linux itself tests it only after each message. */
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, unsigned int flags, struct timespec *timeout) {
    (void)timeout;
    unsigned int received = 0;
    for (; received < count; received++) {
        int wait = received != 0 && (flags & MSG_WAITFORONE) ? MSG_DONTWAIT : 0;
        ssize_t done = recvmsg(fd, &messages[received].msg_hdr, (int)(flags & ~(unsigned)MSG_WAITFORONE) | wait);
        if (done < 0) break;
        messages[received].msg_len = (unsigned int)done;
    }
    return received == 0 && count != 0 ? -1 : (int)received;
}
