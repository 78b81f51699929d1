/* A UDP echo over IPv4 and IPv6 with sendto and recvfrom. udp(7). */
#include "t.h"

static void echo(int family) {
    int client = udp(family), server = udp_bound(family);
    char buffer[32];
    show("sendto", send_to(client, "ping", 4, local_addr(server)));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    long n = show_data("server recvfrom", recvfrom(server, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show_addr("from", from);
    fact("from the client's port", port_of(from) == port_of(local_addr(client)));
    show("server sendto", send_to(server, buffer, (size_t)n, from));
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(client, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    fact("from the server", same_addr(from, local_addr(server)));
}

int main(void) {
    echo(AF_INET);
    echo(AF_INET6);
    return 0;
}
