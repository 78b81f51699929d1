/* With IPV6_V6ONLY a listener takes IPv6 only, and an IPv4 socket may have the same port. ipv6(7). */
#include "t.h"

#define V4 \
    "127.0.0.77" /* of the loopback net, and used by no other program: the port is only known to be free in IPv6 */

int main(void) {
    int listener = tcp(AF_INET6);
    show("set IPV6_V6ONLY", set_int(listener, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    show_option("IPV6_V6ONLY", listener, IPPROTO_IPV6, IPV6_V6ONLY);
    must("bind", bind_to(listener, ip("::", 0)));
    must("listen", listen(listener, 4));
    int port = port_of(local_addr(listener));
    show("set IPV6_V6ONLY when bound", set_int(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    int v4 = tcp(AF_INET);
    show("connect v4", connect_to(v4, ip(V4, port)));
    int v6 = tcp(AF_INET6);
    show("connect v6", connect_to(v6, loopback(AF_INET6, port)));
    int v4_listener = tcp(AF_INET);
    show("bind v4 to the port", bind_to(v4_listener, ip(V4, port)));
    show("listen", listen(v4_listener, 4));
    v4 = tcp(AF_INET);
    show("connect v4", connect_to(v4, ip(V4, port)));
    int mapped = tcp(AF_INET6);
    must("IPV6_V6ONLY", set_int(mapped, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    show("v6-only connect to a v4-mapped address", connect_to(mapped, ip("::ffff:127.0.0.1", port)));
    return 0;
}
