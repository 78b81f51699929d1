/* FIONREAD: the bytes that can be read from a stream; the size of the next datagram. tcp(7), udp(7). */
#include "t.h"

int main(void) {
    int pair[2], count = -1;
    tcp_pair(AF_INET, pair);
    show("TCP, none", ioctl(pair[1], FIONREAD, &count));
    printf("%d\n", count);
    must("send", send(pair[0], "abc", 3, MSG_NOSIGNAL));
    must("send", send(pair[0], "de", 2, MSG_NOSIGNAL));
    wait_bytes(pair[1], 5);
    show("TCP, two sends", ioctl(pair[1], FIONREAD, &count));
    printf("%d\n", count);
    udp_pair(AF_INET, pair);
    must("send", send(pair[0], "abc", 3, 0));
    must("send", send(pair[0], "de", 2, 0));
    wait_readable(pair[1]);
    show("UDP, two datagrams", ioctl(pair[1], FIONREAD, &count));
    printf("%d\n", count);
    return 0;
}
