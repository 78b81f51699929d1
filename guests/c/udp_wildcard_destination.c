/* A datagram to, or a connect to, the wildcard address goes to loopback on Linux. */
#include "t.h"

int main(void) {
    char byte;
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        int server = udp_bound(family), fd = udp(family);
        struct addr any = ip(i ? "::" : "0.0.0.0", port_of(local_addr(server)));
        show("sendto", send_to(fd, "x", 1, any));
        show("server recv", recv(server, &byte, 1, 0));
        show("connect", connect_to(fd, any));
        show_addr("getpeername", peer_addr(fd));
    }
    return 0;
}
