/* A UDP socket is writable at once, and readable when a datagram is there, also an empty one. poll(2), udp(7). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    show_poll("fresh", fd);
    must("bind", bind_to(fd, loopback(AF_INET, 0)));
    show_poll("bound", fd);
    must("sendto", send_to(fd, "x", 1, local_addr(fd)));
    wait_readable(fd);
    show_poll("a datagram is there", fd);
    char byte;
    must("recv", recv(fd, &byte, 1, 0));
    show_poll("none is there", fd);
    must("sendto", send_to(fd, "", 0, local_addr(fd)));
    wait_readable(fd);
    show_poll("an empty one is there", fd);
    must("recv", recv(fd, &byte, 1, 0));
    must("connect", connect_to(fd, local_addr(fd)));
    show_poll("connected", fd);
    must("shutdown", shutdown(fd, SHUT_RD));
    show_poll("after SHUT_RD", fd);
    must("shutdown", shutdown(fd, SHUT_WR));
    show_poll("after SHUT_WR", fd);
    return 0;
}
