/* A connected socket is writable, and readable when data is there. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[8];
    show_poll("connected", pair[0]);
    show_revents("asked for POLLIN only", revents_now(pair[0], POLLIN, 0));
    must("send", send(pair[1], "data", 4, MSG_NOSIGNAL));
    wait_readable(pair[0]);
    show_poll("data is there", pair[0]);
    show_revents("asked for POLLOUT only", revents_now(pair[0], POLLOUT, 0));
    show_data("recv 2", recv(pair[0], buffer, 2, 0), buffer);
    show_poll("some is left", pair[0]);
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show_poll("none is left", pair[0]);
    return 0;
}
