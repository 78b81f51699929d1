/* An unconnected UDP socket gets no error when a port is unreachable. udp(7). */
#include "t.h"

int main(void) {
    int closed = udp_bound(AF_INET), fd = udp_bound(AF_INET), peer = udp_bound(AF_INET);
    must("connect", connect_to(closed, loopback(AF_INET, 9)));
    show("sendto a closed port", send_to(fd, "x", 1, local_addr(closed)));
    show("sendto a closed port", send_to(fd, "x", 1, local_addr(closed)));
    must("sendto", send_to(peer, "good", 4, local_addr(fd)));
    char buffer[8];
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    show("recv nothing", recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    show_so_error(fd);
    return 0;
}
