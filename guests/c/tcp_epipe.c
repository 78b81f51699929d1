/* Sending after one's own SHUT_WR is EPIPE, and MSG_NOSIGNAL keeps the signal away. send(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show("send again", send(pair[0], "x", 1, MSG_NOSIGNAL));
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show("sendmsg", sendmsg(pair[0], &message, MSG_NOSIGNAL));
    show("sendto", send_to(pair[0], "x", 1, peer_addr(pair[0])));
    show_so_error(pair[0]);
    return 0;
}
