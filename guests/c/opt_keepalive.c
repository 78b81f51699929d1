/* SO_KEEPALIVE, set before and after connecting. socket(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_option("fresh", fd, SOL_SOCKET, SO_KEEPALIVE);
    show("set 1", set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
    show_option("get", fd, SOL_SOCKET, SO_KEEPALIVE);
    int pair[2];
    tcp_pair(AF_INET, pair);
    show("connected set 1", set_int(pair[0], SOL_SOCKET, SO_KEEPALIVE, 1));
    show_option("connected get", pair[0], SOL_SOCKET, SO_KEEPALIVE);
    show("connected set 0", set_int(pair[0], SOL_SOCKET, SO_KEEPALIVE, 0));
    show_option("connected get", pair[0], SOL_SOCKET, SO_KEEPALIVE);
    show_option("the other end", pair[1], SOL_SOCKET, SO_KEEPALIVE);
    return 0;
}
