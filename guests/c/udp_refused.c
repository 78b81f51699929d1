/* A datagram to a port without a socket: a connected socket gets the error, once. udp(7): ECONNREFUSED. */
#include "t.h"

/* A UDP port that answers "port unreachable": its socket takes datagrams from one stranger only. */
static struct addr unreachable(int family) {
    int fd = udp_bound(family);
    must("connect", connect_to(fd, loopback(family, 9)));
    return local_addr(fd);
}

static void run(int family) {
    char byte;
    int fd = udp(family);
    must("connect", connect_to(fd, unreachable(family)));
    show("send", send(fd, "x", 1, 0));
    wait_readable(fd);
    show("recv", recv(fd, &byte, 1, MSG_DONTWAIT));
    show("recv", recv(fd, &byte, 1, MSG_DONTWAIT));
    show("send", send(fd, "x", 1, 0));
    wait_readable(fd);
    show("send reports the error", send(fd, "x", 1, 0));
    show("send", send(fd, "x", 1, 0));
    wait_readable(fd);
    show_so_error(fd);
    show_so_error(fd);
    show("recv", recv(fd, &byte, 1, MSG_DONTWAIT));
}

int main(void) {
    run(AF_INET);
    run(AF_INET6);
    return 0;
}
