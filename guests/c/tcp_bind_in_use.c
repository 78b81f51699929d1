/* A port that has a listener cannot be bound again: the same address, the wildcard address; another loopback address
 * can. bind(2): EADDRINUSE. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int port = port_of(local_addr(listener));
    int fd = tcp(AF_INET);
    show("bind to the same address", bind_to(fd, ip("127.0.0.1", port)));
    show("bind to the wildcard", bind_to(fd, ip("0.0.0.0", port)));
    show_addr("still unbound", local_addr(fd));
    show("bind to 127.0.0.2", bind_to(fd, ip("127.0.0.2", port)));
    show_addr("getsockname", local_addr(fd));

    listener = tcp_listener(AF_INET6);
    fd = tcp(AF_INET6);
    port = port_of(local_addr(listener));
    show("bind v6 to the same address", bind_to(fd, ip("::1", port)));
    show("bind v6 to the wildcard", bind_to(fd, ip("::", port)));
    return 0;
}
