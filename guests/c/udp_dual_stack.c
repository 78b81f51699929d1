/* An IPv6 UDP socket takes IPv4 datagrams as v4-mapped, and answers them. ipv6(7). */
#include "t.h"

int main(void) {
    int server = udp(AF_INET6);
    must("IPV6_V6ONLY", set_int(server, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    must("bind", bind_to(server, ip("::", 0)));
    int client = udp_bound(AF_INET);
    char buffer[8];
    show("sendto", send_to(client, "v4", 2, loopback(AF_INET, port_of(local_addr(server)))));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(server, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show_addr("from", from);
    show("answer", send_to(server, "answer", 6, from));
    show_data("client recv", recv(client, buffer, sizeof buffer, 0), buffer);
    show("connect to a v4-mapped address", connect_to(server, from));
    show_addr("getpeername", peer_addr(server));
    show_addr("getsockname", local_addr(server));
    return 0;
}
