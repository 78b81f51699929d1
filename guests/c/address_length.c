/* Addresses that are too short for their family. bind(2), connect(2), sendto(2): EINVAL. */
#include "t.h"

static void run(int family) {
    struct addr a = loopback(family, 0);
    int whole = (int)a.len;
    a.len = (socklen_t)whole / 2;
    show("bind, half", bind_to(tcp(family), a));
    show("connect, half", connect_to(tcp(family), a));
    show("udp bind, half", bind_to(udp(family), a));
    show("udp connect, half", connect_to(udp(family), a));
    show("sendto, half", send_to(udp(family), "x", 1, a));
    a.len = 0;
    show("bind, none", bind_to(tcp(family), a));
    show("connect, none", connect_to(tcp(family), a));
    show("sendto, none", send_to(udp(family), "x", 1, a));
    a.len = 1000;
    show("bind, 1000", bind_to(tcp(family), a));
    a.len = sizeof a.storage;
    show("bind, a sockaddr_storage's length", bind_to(tcp(family), a));
}

int main(void) {
    printf("AF_INET\n");
    run(AF_INET);
    printf("AF_INET6\n");
    run(AF_INET6);
    return 0;
}
