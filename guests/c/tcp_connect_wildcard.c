/* Connecting to the wildcard address reaches this host through loopback on Linux; the peer's name says loopback. */
#include "t.h"

int main(void) {
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        int listener = tcp_listener(family);
        int fd = tcp(family);
        show("connect", connect_to(fd, ip(i ? "::" : "0.0.0.0", port_of(local_addr(listener)))));
        show_addr("getpeername", peer_addr(fd));
        show_addr("getsockname", local_addr(fd));
        int accepted = accept_one(listener);
        fact("accepted from this socket", same_addr(peer_addr(accepted), local_addr(fd)));
    }
    return 0;
}
