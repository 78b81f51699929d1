/* TCP_NODELAY. tcp(7). On UDP no such level: ENOPROTOOPT. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_option("fresh", fd, IPPROTO_TCP, TCP_NODELAY);
    show("set 1", set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    show_option("get", fd, IPPROTO_TCP, TCP_NODELAY);
    show("set 0", set_int(fd, IPPROTO_TCP, TCP_NODELAY, 0));
    show_option("get", fd, IPPROTO_TCP, TCP_NODELAY);
    int pair[2];
    tcp_pair(AF_INET6, pair);
    show("connected set 1", set_int(pair[0], IPPROTO_TCP, TCP_NODELAY, 1));
    show_option("connected get", pair[0], IPPROTO_TCP, TCP_NODELAY);
    show("UDP set 1", set_int(udp(AF_INET), IPPROTO_TCP, TCP_NODELAY, 1));
    return 0;
}
