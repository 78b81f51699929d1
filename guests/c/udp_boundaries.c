/* Datagrams keep their boundaries: one recv, one datagram. udp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    char buffer[64];
    show("send", send(pair[0], "one", 3, 0));
    show("send", send(pair[0], "twotwo", 6, 0));
    show("send", send(pair[0], "3", 1, 0));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("recv nothing", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
