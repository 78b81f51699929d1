/* accept with nothing queued on a non-blocking listener. accept(2): EAGAIN. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    set_nonblocking(listener, 1);
    show_fd("accept", accept(listener, NULL, NULL));
    int fd = tcp(AF_INET);
    must("connect", connect_to(fd, local_addr(listener)));
    wait_readable(listener);
    show_fd("accept", accept(listener, NULL, NULL));
    show_fd("accept", accept(listener, NULL, NULL));
    return 0;
}
