/* connect binds an unbound socket to an ephemeral port and the address of the route. connect(2). */
#include "t.h"

int main(void) {
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        int listener = tcp_listener(family);
        int fd = tcp(family);
        show_addr("before", local_addr(fd));
        show("connect", connect_to(fd, local_addr(listener)));
        show_addr("after", local_addr(fd));
    }
    printf("bound to the wildcard before:\n");
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    must("bind", bind_to(fd, ip("0.0.0.0", 0)));
    int port = port_of(local_addr(fd));
    show_addr("before", local_addr(fd));
    show("connect", connect_to(fd, local_addr(listener)));
    show_addr("after", local_addr(fd));
    fact("the port stays", port_of(local_addr(fd)) == port);
    return 0;
}
