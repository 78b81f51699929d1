/* send and write on a UDP socket that has no peer. send(2): EDESTADDRREQ. */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    show("send", send(fd, "x", 1, 0));
    show("write", write(fd, "x", 1));
    show("sendto NULL", sendto(fd, "x", 1, 0, NULL, 0));
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show("sendmsg", sendmsg(fd, &message, 0));
    show("v6 send", send(udp(AF_INET6), "x", 1, 0));
    show("bound send", send(udp_bound(AF_INET), "x", 1, 0));
    return 0;
}
