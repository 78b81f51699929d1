/* The first send after a reset fails with ECONNRESET, later ones with EPIPE. send(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_readable(pair[0]);
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    char byte;
    show("recv", recv(pair[0], &byte, 1, 0));
    return 0;
}
