/* Blocking calls when the peer has acted already return without waiting: connect, accept, recv, send, recvfrom. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    show("connect", connect_to(fd, local_addr(listener)));
    int accepted = show_fd("accept", accept(listener, NULL, NULL));
    show("send", send(fd, "one", 3, MSG_NOSIGNAL));
    char buffer[8];
    show_data("recv", recv(accepted, buffer, sizeof buffer, 0), buffer);
    show("close", close(fd));
    show("recv", recv(accepted, buffer, sizeof buffer, 0));
    int receiver = udp_bound(AF_INET), sender = udp(AF_INET);
    show("sendto", send_to(sender, "two", 3, local_addr(receiver)));
    show_data("recvfrom", recvfrom(receiver, buffer, sizeof buffer, 0, NULL, NULL), buffer);
    return 0;
}
