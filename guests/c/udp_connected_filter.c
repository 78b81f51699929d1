/* A connected UDP socket receives from its peer only. connect(2). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    int stranger = udp_bound(AF_INET);
    char buffer[16];
    show("the stranger's sendto", send_to(stranger, "stranger", 8, local_addr(pair[0])));
    show("the peer's send", send(pair[1], "peer", 4, 0));
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show("recv nothing more", recv(pair[0], buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
