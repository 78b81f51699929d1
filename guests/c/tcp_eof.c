/* The end of a stream: recv is 0 and stays 0, whatever call asks. recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[8];
    must("send", send(pair[0], "tail", 4, MSG_NOSIGNAL));
    close(pair[0]);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("read", read(pair[1], buffer, sizeof buffer));
    show("recv MSG_PEEK", recv(pair[1], buffer, sizeof buffer, MSG_PEEK));
    show("recv MSG_WAITALL", recv(pair[1], buffer, sizeof buffer, MSG_WAITALL));
    show("recv MSG_DONTWAIT", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    struct iovec iov = {.iov_base = buffer, .iov_len = sizeof buffer};
    show("readv", readv(pair[1], &iov, 1));
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show("recvmsg", recvmsg(pair[1], &message, 0));
    show_so_error(pair[1]);
    return 0;
}
