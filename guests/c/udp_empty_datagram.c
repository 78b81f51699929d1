/* A datagram of no bytes is a datagram: it makes the socket readable and is received as 0. udp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    char buffer[8];
    show("send 0", send(pair[0], NULL, 0, 0));
    fact("readable", wait_readable(pair[1]) & POLLIN);
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("recv again", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    show("sendto 0", send_to(pair[0], "", 0, local_addr(pair[1])));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show("recvfrom", recvfrom(pair[1], buffer, sizeof buffer, 0, &from.sa, &from.len));
    fact("from the sender", same_addr(from, local_addr(pair[0])));
    show("send data behind it", send(pair[0], "x", 1, 0));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
