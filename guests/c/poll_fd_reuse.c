/* A descriptor number that is used again starts with a clean state: what was known of the old socket is gone. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[1], "old", 3, MSG_NOSIGNAL));
    wait_readable(pair[0]);
    show_poll("old", pair[0]);
    udp(AF_INET); /* takes the number of the pair's listener */
    close(pair[0]);
    int fd = udp_bound(AF_INET);
    fact("the number is used again", fd == pair[0]);
    show_poll("new", fd);
    show_revents("new, for reading", revents_now(fd, POLLIN, 20));
    char buffer[8];
    show("recv", recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    must("sendto", send_to(fd, "new", 3, local_addr(fd)));
    show_revents("with a datagram", wait_readable(fd));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    close(fd);
    show_revents("closed", revents_now(fd, POLLIN, 0));
    return 0;
}
