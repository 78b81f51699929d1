/* MSG_PEEK shows data and leaves it. recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    must("send", send(pair[0], "abcdef", 6, MSG_NOSIGNAL));
    wait_bytes(pair[1], 6);
    show_data("peek 3", recv(pair[1], buffer, 3, MSG_PEEK), buffer);
    show_data("peek", recv(pair[1], buffer, sizeof buffer, MSG_PEEK), buffer);
    show_data("recv 2", recv(pair[1], buffer, 2, 0), buffer);
    show_data("peek", recv(pair[1], buffer, sizeof buffer, MSG_PEEK), buffer);
    struct iovec iov = {.iov_base = buffer, .iov_len = 2};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show_data("recvmsg peek 2", recvmsg(pair[1], &message, MSG_PEEK), buffer);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("peek nothing", recv(pair[1], buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT));
    return 0;
}
