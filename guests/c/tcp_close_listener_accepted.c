/* Closing a listener does not touch the connections it accepted. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair); /* closes its listener */
    char buffer[8];
    show("send", send(pair[0], "on", 2, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("send", send(pair[1], "and on", 6, MSG_NOSIGNAL));
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    return 0;
}
