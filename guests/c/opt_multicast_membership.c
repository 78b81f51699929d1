/* IP_ADD_MEMBERSHIP and IP_DROP_MEMBERSHIP on the loopback interface: join, join twice, leave, leave twice; an address
 * that is no group. ip(7). */
#include "t.h"

static long membership(int fd, int name, const char *group) {
    struct ip_mreq request;
    memset(&request, 0, sizeof request);
    inet_pton(AF_INET, group, &request.imr_multiaddr);
    inet_pton(AF_INET, "127.0.0.1", &request.imr_interface);
    return setsockopt(fd, IPPROTO_IP, name, &request, sizeof request);
}

int main(void) {
    int fd = udp(AF_INET);
    show("leave before joining", membership(fd, IP_DROP_MEMBERSHIP, "239.255.7.7"));
    show("join", membership(fd, IP_ADD_MEMBERSHIP, "239.255.7.7"));
    show("join again", membership(fd, IP_ADD_MEMBERSHIP, "239.255.7.7"));
    show("join another", membership(fd, IP_ADD_MEMBERSHIP, "239.255.7.8"));
    show("leave", membership(fd, IP_DROP_MEMBERSHIP, "239.255.7.7"));
    show("leave again", membership(fd, IP_DROP_MEMBERSHIP, "239.255.7.7"));
    show("join what is no group", membership(fd, IP_ADD_MEMBERSHIP, "192.0.2.1"));
    return 0;
}
