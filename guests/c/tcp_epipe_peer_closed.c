/* Data sent to a peer that closed is answered with a reset; the next send is EPIPE. tcp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    close(pair[1]);
    char byte;
    show("recv", recv(pair[0], &byte, 1, 0));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    wait_all(pair[0], POLLIN | POLLOUT, POLLHUP);
    show_so_error(pair[0]);
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show("recv", recv(pair[0], &byte, 1, 0));
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    show("getpeername", getpeername(pair[0], (struct sockaddr *)&peer, &len));
    return 0;
}
