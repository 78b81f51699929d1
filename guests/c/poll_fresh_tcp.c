/* A TCP socket that was never connected: Linux says POLLOUT and POLLHUP. poll(2). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_poll("fresh", fd);
    show_revents("fresh, no events asked for", revents_now(fd, 0, 0));
    must("bind", bind_to(fd, loopback(AF_INET, 0)));
    show_poll("bound", fd);
    show_poll("fresh v6", tcp(AF_INET6));
    return 0;
}
