/* A negative descriptor is left out. poll(2). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    struct pollfd p[3] = {{.fd = -1, .events = POLLIN | POLLOUT, .revents = -1},
                          {.fd = fd, .events = POLLOUT},
                          {.fd = -77, .events = POLLIN, .revents = -1}};
    show("poll", poll(p, 3, T_TIMEOUT_MS));
    show_revents("-1", p[0].revents);
    show_revents("socket", p[1].revents);
    show_revents("-77", p[2].revents);
    show("poll -1 alone, no time", poll(p, 1, 0));
    show("poll -1 alone, 20 ms", poll(p, 1, 20));
    return 0;
}
