/* IPV6_V6ONLY: on and off until the socket is bound: EINVAL from then on. Binding to an IPv6 address other than the
 * wildcard turns it on, on Linux. On an IPv4 socket there is none. ipv6(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET6);
    show("set 1", set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    show_option("get", fd, IPPROTO_IPV6, IPV6_V6ONLY);
    show("set 0", set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    show_option("get", fd, IPPROTO_IPV6, IPV6_V6ONLY);
    must("bind", bind_to(fd, loopback(AF_INET6, 0)));
    show("set 1 when bound", set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    show_option("get", fd, IPPROTO_IPV6, IPV6_V6ONLY);
    fd = udp(AF_INET6);
    show("UDP set 1", set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    show_option("UDP get", fd, IPPROTO_IPV6, IPV6_V6ONLY);
    show("IPv4 set 1", set_int(tcp(AF_INET), IPPROTO_IPV6, IPV6_V6ONLY, 1));
    return 0;
}
