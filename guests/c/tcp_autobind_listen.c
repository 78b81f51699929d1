/* listen on an unbound socket binds it to the wildcard address and an ephemeral port. Linux listen(2), ip(7). */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET);
    show("listen", listen(listener, 4));
    show_addr("getsockname", local_addr(listener));
    int fd = tcp(AF_INET);
    show("connect", connect_to(fd, loopback(AF_INET, port_of(local_addr(listener)))));
    show_fd("accept", accept(listener, NULL, NULL));
    listener = tcp(AF_INET6);
    show("listen v6", listen(listener, 4));
    show_addr("getsockname", local_addr(listener));
    return 0;
}
