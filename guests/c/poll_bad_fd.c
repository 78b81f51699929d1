/* A descriptor that is not open is POLLNVAL, and the others are polled all the same. poll(2). */
#include "t.h"

int main(void) {
    int open = udp(AF_INET), closed = udp(AF_INET);
    close(closed);
    struct pollfd p[3] = {{.fd = closed, .events = POLLIN}, {.fd = open, .events = POLLOUT}, {.fd = 4000, .events = 0}};
    show("poll", poll(p, 3, T_TIMEOUT_MS));
    show_revents("closed", p[0].revents);
    show_revents("open", p[1].revents);
    show_revents("never opened", p[2].revents);
    return 0;
}
