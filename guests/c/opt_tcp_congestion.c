/* TCP_CONGESTION: the name of the congestion control, which is the machine's choice, and room that is too small. tcp(7). */
#include "t.h"

int main(void) {
    char name[64], cut[4];
    int fd = tcp(AF_INET);
    memset(name, '?', sizeof name);
    socklen_t len = sizeof name;
    show("getsockopt", getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
    show("length", len);
    fact("a name", memchr(name, '\0', len) != NULL && name[0] > ' ');
    fact("nothing behind it", name[16] == '?');
    memset(cut, '?', sizeof cut);
    len = 2;
    show("with room for two bytes", getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cut, &len));
    show("length", len);
    fact("the name's first two", memcmp(cut, name, 2) == 0 && cut[2] == '?');
    int pair[2];
    tcp_pair(AF_INET6, pair);
    char other[16];
    len = sizeof other;
    show("of a connection", getsockopt(pair[1], IPPROTO_TCP, TCP_CONGESTION, other, &len));
    fact("the same name", strcmp(other, name) == 0);
    len = sizeof name;
    show("UDP", getsockopt(udp(AF_INET), IPPROTO_TCP, TCP_CONGESTION, name, &len));
    show("UNIX", getsockopt(tcp(AF_UNIX), IPPROTO_TCP, TCP_CONGESTION, name, &len));
    show("set on UDP", setsockopt(udp(AF_INET), IPPROTO_TCP, TCP_CONGESTION, "x", 1));
    return 0;
}
