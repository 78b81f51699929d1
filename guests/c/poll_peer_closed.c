/* The peer's end makes a socket readable; it is no hang-up while the own direction is open. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    close(pair[1]);
    char byte;
    wait_readable(pair[0]);
    show_poll("data and the end", pair[0]);
    must("recv", recv(pair[0], &byte, 1, 0));
    wait_readable(pair[0]);
    show_poll("the end", pair[0]);
    show("recv", recv(pair[0], &byte, 1, 0));
    show_poll("the end, still", pair[0]);
    return 0;
}
