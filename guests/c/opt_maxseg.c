/* TCP_MAXSEG: a limit before the connection, the segment size in use after it. tcp(7). */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    fact("a fresh socket has one", int_option(fd, IPPROTO_TCP, TCP_MAXSEG) > 0);
    show("set 1", set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 1));
    show("set 1000", set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 1000));
    must("connect", connect_to(fd, local_addr(listener)));
    int size = int_option(fd, IPPROTO_TCP, TCP_MAXSEG);
    fact("connected, at most that", size > 0 && size <= 1000);
    int accepted = accept_one(listener);
    size = int_option(accepted, IPPROTO_TCP, TCP_MAXSEG);
    fact("the other end, at most that", size > 0 && size <= 1000);
    int pair[2];
    tcp_pair(AF_INET, pair);
    fact("without a limit loopback has more", int_option(pair[0], IPPROTO_TCP, TCP_MAXSEG) > 1000);
    return 0;
}
