/* A UDP socket is bound once. bind(2): EINVAL. */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET);
    struct addr before = local_addr(fd);
    show("bind again", bind_to(fd, loopback(AF_INET, 0)));
    fact("the address stays", same_addr(local_addr(fd), before));
    int peer = udp_bound(AF_INET);
    int connected = udp(AF_INET);
    must("connect", connect_to(connected, local_addr(peer)));
    show("bind a connected socket", bind_to(connected, loopback(AF_INET, 0)));
    return 0;
}
