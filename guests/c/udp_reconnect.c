/* A UDP socket can be connected again to another peer. connect(2). */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET), first = udp_bound(AF_INET), second = udp_bound(AF_INET);
    int port = port_of(local_addr(fd));
    char buffer[16];
    show("connect", connect_to(fd, local_addr(first)));
    show("connect to another", connect_to(fd, local_addr(second)));
    fact("the peer is the second", same_addr(peer_addr(fd), local_addr(second)));
    fact("the local port stays", port_of(local_addr(fd)) == port);
    show("send", send(fd, "x", 1, 0));
    show_data("the second's recv", recv(second, buffer, sizeof buffer, 0), buffer);
    show("the first's recv", recv(first, buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
