/* The end of a UNIX stream, EPIPE to a peer that is gone, and ECONNRESET when it left data unread. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int pair[2];
    char buffer[8];
    unix_pair("end", pair);
    must("send", send(pair[0], "last", 4, MSG_NOSIGNAL));
    close(pair[0]);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    unix_pair("reset", pair);
    must("send", send(pair[0], "unread", 6, MSG_NOSIGNAL));
    close(pair[1]);
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    return 0;
}
