/* MSG_DONTWAIT makes one call non-blocking and leaves the socket as it is. recv(2), send(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    show("recv nothing", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    fact("O_NONBLOCK", fcntl(pair[1], F_GETFL, 0) & O_NONBLOCK);
    show("send", send(pair[0], "data", 4, MSG_NOSIGNAL | MSG_DONTWAIT));
    wait_readable(pair[1]);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT), buffer);
    static char chunk[65536];
    ssize_t n;
    do n = send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n > 0);
    show("send to a full buffer", n);
    fact("O_NONBLOCK", fcntl(pair[0], F_GETFL, 0) & O_NONBLOCK);
    struct iovec iov = {.iov_base = buffer, .iov_len = sizeof buffer};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show("recvmsg nothing", recvmsg(pair[0], &message, MSG_DONTWAIT));
    return 0;
}
