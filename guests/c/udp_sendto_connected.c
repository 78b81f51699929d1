/* sendto on a connected UDP socket reaches the address it names, and leaves the peer. Linux udp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    int other = udp_bound(AF_INET);
    char buffer[16];
    show("sendto another", send_to(pair[0], "other", 5, local_addr(other)));
    show_data("the other's recv", recv(other, buffer, sizeof buffer, 0), buffer);
    show("send", send(pair[0], "peer", 4, 0));
    show_data("the peer's recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("sendto the peer", send_to(pair[0], "named", 5, local_addr(pair[1])));
    show_data("the peer's recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    fact("the peer stays", same_addr(peer_addr(pair[0]), local_addr(pair[1])));
    return 0;
}
