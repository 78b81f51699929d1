/* A UDP port is bound once without SO_REUSEADDR, and with it on both on Linux as often as one likes. bind(2). */
#include "t.h"

int main(void) {
    int first = udp_bound(AF_INET), second = udp(AF_INET);
    int port = port_of(local_addr(first));
    show("bind", bind_to(second, local_addr(first)));
    show("bind to the wildcard", bind_to(second, ip("0.0.0.0", port)));
    must("SO_REUSEADDR", set_int(second, SOL_SOCKET, SO_REUSEADDR, 1));
    show("bind with SO_REUSEADDR on one", bind_to(second, local_addr(first)));
    must("SO_REUSEADDR", set_int(first, SOL_SOCKET, SO_REUSEADDR, 1));
    show("bind with SO_REUSEADDR on both", bind_to(second, local_addr(first)));
    show("bind again", bind_to(second, loopback(AF_INET, 0)));
    return 0;
}
