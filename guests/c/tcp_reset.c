/* A reset by SO_LINGER with time 0: ECONNRESET once, then the end; sending is EPIPE. socket(7), tcp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_readable(pair[0]);
    char byte;
    show("recv", recv(pair[0], &byte, 1, 0));
    show("recv", recv(pair[0], &byte, 1, 0));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show_so_error(pair[0]);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    show("getpeername", getpeername(pair[0], (struct sockaddr *)&peer, &len));
    show_addr("getsockname", local_addr(pair[0]));
    return 0;
}
