/* connect with AF_UNSPEC takes a UDP socket's peer away. connect(2). An address that bind named stays; one that
 * connect chose is given up on Linux. */
#include "t.h"

int main(void) {
    int reserved = udp_bound(AF_INET);
    struct addr named = local_addr(reserved);
    close(reserved);
    int fd = udp(AF_INET), peer = udp_bound(AF_INET), stranger = udp_bound(AF_INET);
    must("bind", bind_to(fd, named));
    must("connect", connect_to(fd, local_addr(peer)));
    show("connect AF_UNSPEC", connect_to(fd, unspec()));
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    show("getpeername", getpeername(fd, (struct sockaddr *)&name, &len));
    show("send", send(fd, "x", 1, 0));
    fact("the local address stays", same_addr(local_addr(fd), named));
    must("sendto", send_to(stranger, "stranger", 8, named));
    char buffer[16];
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    show("connect AF_UNSPEC again", connect_to(fd, unspec()));
    show("connect", connect_to(fd, local_addr(stranger)));
    fact("the peer is the stranger", same_addr(peer_addr(fd), local_addr(stranger)));

    int autobound = udp(AF_INET);
    must("connect", connect_to(autobound, local_addr(stranger)));
    show("autobound connect AF_UNSPEC", connect_to(autobound, unspec()));
    show_addr("getsockname", local_addr(autobound));

    int pair[2];
    udp_pair(AF_INET6, pair);
    show("v6 connect AF_UNSPEC", connect_to(pair[0], unspec()));
    show("v6 send", send(pair[0], "x", 1, 0));
    return 0;
}
