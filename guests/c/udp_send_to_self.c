/* A socket may send to itself, and be connected to itself. */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET);
    char buffer[8];
    show("sendto", send_to(fd, "me", 2, local_addr(fd)));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    show("connect", connect_to(fd, local_addr(fd)));
    show("send", send(fd, "me too", 6, 0));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    return 0;
}
