/* IPV6_UNICAST_HOPS: -1 is the default, otherwise 0 to 255. ipv6(7). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET6);
    fact("has a value", int_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS) > 0);
    show("set 42", set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 42));
    show_option("get", fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
    show("set 256", set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256));
    show_option("get", fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
    return 0;
}
