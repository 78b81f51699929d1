/* shutdown on UDP: ENOTCONN without a peer, although Linux ends receiving then too; with one, recv is 0 after SHUT_RD
 * and send EPIPE after SHUT_WR. shutdown(2). */
#include "t.h"

int main(void) {
    int pair[2];
    char byte;
    show("unconnected", shutdown(udp(AF_INET), SHUT_RDWR));
    udp_pair(AF_INET, pair);
    show("SHUT_RD", shutdown(pair[0], SHUT_RD));
    show("recv", recv(pair[0], &byte, 1, 0));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show_data("the peer's recv", recv(pair[1], &byte, 1, 0), &byte);
    show("SHUT_WR", shutdown(pair[0], SHUT_WR));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    return 0;
}
