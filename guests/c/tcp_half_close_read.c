/* shutdown(SHUT_RD): recv is at the end at once, sending goes on, and the peer does not notice. Linux tcp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[32];
    show("shutdown SHUT_RD", shutdown(pair[0], SHUT_RD));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("send", send(pair[0], "out", 3, MSG_NOSIGNAL));
    show_data("server recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("server send", send(pair[1], "in", 2, MSG_NOSIGNAL));
    show_so_error(pair[1]);
    return 0;
}
