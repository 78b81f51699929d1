/* A datagram larger than the buffer is cut and the rest is gone; recvmsg says so with MSG_TRUNC. recvmsg(2). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    char buffer[16];
    must("send", send(pair[0], "0123456789", 10, 0));
    must("send", send(pair[0], "next", 4, 0));
    show_data("recv 4", recv(pair[1], buffer, 4, 0), buffer);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    must("send", send(pair[0], "0123456789", 10, 0));
    struct iovec iov = {.iov_base = buffer, .iov_len = 4};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show_data("recvmsg 4", recvmsg(pair[1], &message, 0), buffer);
    fact("MSG_TRUNC", message.msg_flags & MSG_TRUNC);
    must("send", send(pair[0], "0123", 4, 0));
    show_data("recvmsg 4 of 4", recvmsg(pair[1], &message, 0), buffer);
    fact("MSG_TRUNC", message.msg_flags & MSG_TRUNC);
    must("send", send(pair[0], "0123456789", 10, 0));
    show_data("read 3", read(pair[1], buffer, 3), buffer);
    show("nothing is left", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
