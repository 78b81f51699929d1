/* A socket that connects to its own address: TCP's simultaneous open with itself. RFC 9293 3.5. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    must("bind", bind_to(fd, loopback(AF_INET, 0)));
    show("connect", connect_to(fd, local_addr(fd)));
    fact("the peer is the socket itself", same_addr(local_addr(fd), peer_addr(fd)));
    show("send", send(fd, "echo", 4, MSG_NOSIGNAL));
    char buffer[8];
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    show("shutdown", shutdown(fd, SHUT_WR));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    return 0;
}
