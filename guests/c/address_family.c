/* Addresses of another family than the socket's. bind(2), connect(2): EAFNOSUPPORT. */
#include "t.h"

/* A sockaddr_in6 that says another family, so that the length is no reason to refuse it. */
static struct addr as_family(int family) {
    struct addr a = loopback(AF_INET6, 9);
    a.sa.sa_family = (sa_family_t)family;
    return a;
}

int main(void) {
    show("IPv4 TCP bind to IPv6", bind_to(tcp(AF_INET), as_family(AF_INET6)));
    show("IPv4 TCP connect to IPv6", connect_to(tcp(AF_INET), as_family(AF_INET6)));
    show("IPv4 UDP bind to IPv6", bind_to(udp(AF_INET), as_family(AF_INET6)));
    show("IPv4 UDP connect to IPv6", connect_to(udp(AF_INET), as_family(AF_INET6)));
    show("IPv4 UDP sendto IPv6", send_to(udp(AF_INET), "x", 1, as_family(AF_INET6)));
    show("IPv6 TCP bind to IPv4", bind_to(tcp(AF_INET6), as_family(AF_INET)));
    show("IPv6 TCP connect to IPv4", connect_to(tcp(AF_INET6), as_family(AF_INET)));
    show("IPv6 UDP bind to IPv4", bind_to(udp(AF_INET6), as_family(AF_INET)));
    show("IPv4 TCP bind to AF_UNIX", bind_to(tcp(AF_INET), as_family(AF_UNIX)));
    show("IPv4 TCP connect to AF_UNIX", connect_to(tcp(AF_INET), as_family(AF_UNIX)));
    show("IPv4 TCP connect to family 77", connect_to(tcp(AF_INET), as_family(77)));
    show("UNIX bind to IPv4", bind_to(tcp(AF_UNIX), loopback(AF_INET, 9)));
    show("UNIX connect to IPv4", connect_to(tcp(AF_UNIX), loopback(AF_INET, 9)));
    return 0;
}
