/* A reset that comes behind data: Linux gives the data first, then ECONNRESET once, then the end. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[0], "kept", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    close_with_reset(pair[0]);
    wait_all(pair[1], POLLIN | POLLOUT, POLLHUP);
    char buffer[8];
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    return 0;
}
