/* An address that no interface of this host has (RFC 5737, RFC 3849: documentation). bind(2): EADDRNOTAVAIL. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("bind v4", bind_to(fd, ip("198.51.100.1", 0)));
    show_addr("getsockname", local_addr(fd));
    show("bind to loopback then", bind_to(fd, loopback(AF_INET, 0)));
    fd = tcp(AF_INET6);
    show("bind v6", bind_to(fd, ip("2001:db8::1", 0)));
    fd = udp(AF_INET);
    show("bind udp v4", bind_to(fd, ip("198.51.100.1", 0)));
    fd = udp(AF_INET6);
    show("bind udp v6", bind_to(fd, ip("2001:db8::1", 0)));
    return 0;
}
