/* SO_ACCEPTCONN is 1 on a socket that listens, and 0 otherwise. socket(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_option("fresh", fd, SOL_SOCKET, SO_ACCEPTCONN);
    must("listen", listen(fd, 1));
    show_option("listener", fd, SOL_SOCKET, SO_ACCEPTCONN);
    int pair[2];
    tcp_pair(AF_INET, pair);
    show_option("connected", pair[0], SOL_SOCKET, SO_ACCEPTCONN);
    show_option("accepted", pair[1], SOL_SOCKET, SO_ACCEPTCONN);
    show_option("UDP", udp(AF_INET), SOL_SOCKET, SO_ACCEPTCONN);
    return 0;
}
