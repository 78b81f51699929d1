/* Receiving with nothing there on a non-blocking UDP socket, by every call. recv(2): EAGAIN. */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET);
    set_nonblocking(fd, 1);
    char buffer[8];
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    show("recv", recv(fd, buffer, sizeof buffer, 0));
    show("read", read(fd, buffer, sizeof buffer));
    show("recvfrom", recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&name, &len));
    struct iovec iov = {.iov_base = buffer, .iov_len = sizeof buffer};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show("recvmsg", recvmsg(fd, &message, 0));
    show("readv", readv(fd, &iov, 1));
    show("recv 0 bytes", recv(fd, buffer, 0, 0));
    show("recv MSG_WAITALL", recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    return 0;
}
