/* A datagram to a group on the loopback interface reaches a member, and no longer when it has left. ip(7). */
#include "t.h"

int main(void) {
    int member = udp(AF_INET), sender = udp_bound(AF_INET);
    must("bind", bind_to(member, ip("0.0.0.0", 0)));
    struct ip_mreq request;
    memset(&request, 0, sizeof request);
    inet_pton(AF_INET, "239.255.7.9", &request.imr_multiaddr);
    inet_pton(AF_INET, "127.0.0.1", &request.imr_interface);
    show("join", setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request));
    struct addr group = ip("239.255.7.9", port_of(local_addr(member)));
    char buffer[16];
    show("sendto the group", send_to(sender, "to members", 10, group));
    show_data("recv", recv(member, buffer, sizeof buffer, 0), buffer);
    show("leave", setsockopt(member, IPPROTO_IP, IP_DROP_MEMBERSHIP, &request, sizeof request));
    return 0;
}
