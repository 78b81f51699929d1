/* MSG_PEEK shows a datagram and its sender and leaves it, also when the buffer is too small. recv(2). */
#include "t.h"

int main(void) {
    int client = udp_bound(AF_INET), server = udp_bound(AF_INET);
    char buffer[16];
    must("sendto", send_to(client, "datagram", 8, local_addr(server)));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("peek 4", recvfrom(server, buffer, 4, MSG_PEEK, &from.sa, &from.len), buffer);
    fact("from the client", same_addr(from, local_addr(client)));
    show_data("peek", recv(server, buffer, sizeof buffer, MSG_PEEK), buffer);
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(server, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    fact("from the client", same_addr(from, local_addr(client)));
    show("peek nothing", recv(server, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT));
    return 0;
}
