/* A connected UDP socket whose datagram met a closed port: POLLERR until the error is taken. udp(7), poll(2). */
#include "t.h"

int main(void) {
    int closed = udp_bound(AF_INET), fd = udp(AF_INET);
    must("connect", connect_to(closed, loopback(AF_INET, 9)));
    must("connect", connect_to(fd, local_addr(closed)));
    must("send", send(fd, "x", 1, 0));
    wait_readable(fd);
    show_poll("unreachable", fd);
    show_so_error(fd);
    show_poll("when the error is taken", fd);
    return 0;
}
