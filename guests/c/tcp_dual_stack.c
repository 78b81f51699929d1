/* An IPv6 wildcard listener without IPV6_V6ONLY takes IPv4 connections, with v4-mapped names. ipv6(7), RFC 3493 3.7. */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET6);
    must("IPV6_V6ONLY", set_int(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    must("bind", bind_to(listener, ip("::", 0)));
    must("listen", listen(listener, 4));
    int port = port_of(local_addr(listener));
    int v4 = tcp(AF_INET);
    show("connect v4", connect_to(v4, loopback(AF_INET, port)));
    int fd = accept_one(listener);
    show_addr("accepted getpeername", peer_addr(fd));
    show_addr("accepted getsockname", local_addr(fd));
    show_addr("client getpeername", peer_addr(v4));
    char buffer[8];
    must("send", send(v4, "v4", 2, MSG_NOSIGNAL));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    int v6 = tcp(AF_INET6);
    show("connect v6", connect_to(v6, loopback(AF_INET6, port)));
    show_addr("accepted getpeername", peer_addr(accept_one(listener)));
    return 0;
}
