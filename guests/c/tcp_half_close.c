/* shutdown(SHUT_WR) ends one direction; the other goes on. shutdown(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[32];
    show("send", send(pair[0], "question", 8, MSG_NOSIGNAL));
    show("shutdown SHUT_WR", shutdown(pair[0], SHUT_WR));
    show_data("server recv", recv_all(pair[1], buffer, sizeof buffer), buffer);
    show("server recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("server send", send(pair[1], "answer", 6, MSG_NOSIGNAL));
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show("send", send(pair[0], "more", 4, MSG_NOSIGNAL));
    show("server shutdown SHUT_WR", shutdown(pair[1], SHUT_WR));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    return 0;
}
