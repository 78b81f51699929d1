/* sendto binds an unbound socket to the wildcard and an ephemeral port; connect to the route's address; recv to none.
 */
#include "t.h"

int main(void) {
    int server = udp_bound(AF_INET);
    int fd = udp(AF_INET);
    show_addr("before", local_addr(fd));
    show("sendto", send_to(fd, "x", 1, local_addr(server)));
    show_addr("after sendto", local_addr(fd));
    int port = port_of(local_addr(fd));
    show("sendto", send_to(fd, "x", 1, local_addr(server)));
    fact("the port stays", port_of(local_addr(fd)) == port);
    show("bind after sendto", bind_to(fd, loopback(AF_INET, 0)));
    fd = udp(AF_INET);
    show("connect", connect_to(fd, local_addr(server)));
    show_addr("after connect", local_addr(fd));
    fd = udp(AF_INET6);
    char byte;
    show("recv", recv(fd, &byte, 1, MSG_DONTWAIT));
    show_addr("after recv", local_addr(fd));
    return 0;
}
