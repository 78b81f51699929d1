/* shutdown on a UNIX stream: one direction at a time. shutdown(2), unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int pair[2];
    unix_pair("half", pair);
    char buffer[16];
    show("send", send(pair[0], "question", 8, MSG_NOSIGNAL));
    show("SHUT_WR", shutdown(pair[0], SHUT_WR));
    show_data("server recv", recv_all(pair[1], buffer, sizeof buffer), buffer);
    show("server send", send(pair[1], "answer", 6, MSG_NOSIGNAL));
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show("server SHUT_RD", shutdown(pair[1], SHUT_RD));
    show("SHUT_RD", shutdown(pair[0], SHUT_RD));
    show("server send to a shut reader", send(pair[1], "x", 1, MSG_NOSIGNAL));
    show("shutdown on a fresh one", shutdown(tcp(AF_UNIX), SHUT_WR));
    return 0;
}
