/* A connection under way is neither readable nor writable. connect(2). The listener's queue is full. */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET);
    must("bind", bind_to(listener, loopback(AF_INET, 0)));
    must("listen", listen(listener, 0));
    int first = tcp(AF_INET);
    must("connect", connect_to(first, local_addr(listener)));
    wait_readable(listener);
    int fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("connect", connect_to(fd, local_addr(listener)));
    show_poll("connecting", fd);
    show_revents("connecting, 20 ms later", revents_now(fd, POLLIN | POLLOUT, 20));
    return 0;
}
