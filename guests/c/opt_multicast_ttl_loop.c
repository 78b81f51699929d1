/* IP_MULTICAST_TTL and IP_MULTICAST_LOOP, and the IPv6 loop. ip(7), ipv6(7). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    show_option("IP_MULTICAST_TTL", fd, IPPROTO_IP, IP_MULTICAST_TTL);
    show("set 9", set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, 9));
    show_option("IP_MULTICAST_TTL", fd, IPPROTO_IP, IP_MULTICAST_TTL);
    show("set 256", set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, 256));
    show_option("IP_MULTICAST_LOOP", fd, IPPROTO_IP, IP_MULTICAST_LOOP);
    show("set 0", set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0));
    show_option("IP_MULTICAST_LOOP", fd, IPPROTO_IP, IP_MULTICAST_LOOP);
    fd = udp(AF_INET6);
    show_option("IPV6_MULTICAST_LOOP", fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP);
    show("set 0", set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0));
    show_option("IPV6_MULTICAST_LOOP", fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP);
    show("TCP set IP_MULTICAST_TTL", set_int(tcp(AF_INET), IPPROTO_IP, IP_MULTICAST_TTL, 9));
    return 0;
}
