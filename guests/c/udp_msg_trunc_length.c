/* MSG_TRUNC given to recv makes it return the datagram's length, larger than the buffer. Linux recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    char buffer[16];
    must("send", send(pair[0], "0123456789", 10, 0));
    show("recv 4 MSG_TRUNC|MSG_PEEK", recv(pair[1], buffer, 4, MSG_TRUNC | MSG_PEEK));
    show("recv 4 MSG_TRUNC", recv(pair[1], buffer, 4, MSG_TRUNC));
    show_data("the buffer", 4, buffer);
    return 0;
}
