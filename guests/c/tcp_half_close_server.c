/* The accepting side ends its direction first; the client still sends. shutdown(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET6, pair);
    char buffer[32];
    show("server shutdown SHUT_WR", shutdown(pair[1], SHUT_WR));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("send", send(pair[0], "still here", 10, MSG_NOSIGNAL));
    show_data("server recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("server send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    show("close", close(pair[0]));
    show("server recv", recv(pair[1], buffer, sizeof buffer, 0));
    return 0;
}
