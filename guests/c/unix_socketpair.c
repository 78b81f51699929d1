/* socketpair: two connected sockets without names. socketpair(2). wasip1 cannot say it: it has no such call. */
#include "t.h"

int main(void) {
    int pair[2];
    char buffer[8];
    if (show("stream", socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) < 0) return 0;
    show_addr("getsockname", local_addr(pair[0]));
    show_addr("getpeername", peer_addr(pair[0]));
    show("send", send(pair[0], "there", 5, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("send", send(pair[1], "back", 4, MSG_NOSIGNAL));
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    close(pair[0]);
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("datagram", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    show("send", send(pair[0], "", 0, MSG_NOSIGNAL));
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("AF_INET", socketpair(AF_INET, SOCK_STREAM, 0, pair));
    return 0;
}
