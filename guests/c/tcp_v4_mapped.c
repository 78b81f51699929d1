/* An IPv6 socket that connects to a v4-mapped address talks IPv4. RFC 3493 3.7. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET6);
    must("IPV6_V6ONLY", set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    show("connect", connect_to(fd, ip("::ffff:127.0.0.1", port_of(local_addr(listener)))));
    show_addr("getpeername", peer_addr(fd));
    show_addr("getsockname", local_addr(fd));
    int accepted = accept_one(listener);
    show_addr("accepted getpeername", peer_addr(accepted));
    int refused = tcp(AF_INET6);
    show("connect to a closed port", connect_to(refused, ip("::ffff:127.0.0.1", port_of(refusing_addr(AF_INET)))));
    int bound = tcp(AF_INET6);
    show("bind to a v4-mapped address", bind_to(bound, ip("::ffff:127.0.0.1", 0)));
    show_addr("getsockname", local_addr(bound));
    return 0;
}
