/* Receiving into no bytes takes the datagram and drops its data. recv(2). read of 0 bytes takes nothing on Linux. */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    char buffer[8];
    must("send", send(pair[0], "dropped", 7, 0));
    must("send", send(pair[0], "second", 6, 0));
    wait_readable(pair[1]);
    show("read 0", read(pair[1], buffer, 0));
    show("recv 0", recv(pair[1], buffer, 0, 0));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
