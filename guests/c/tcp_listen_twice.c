/* listen again changes the backlog and keeps what is queued. listen(2). */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET);
    must("bind", bind_to(listener, loopback(AF_INET, 0)));
    show("listen", listen(listener, 1));
    int fd = tcp(AF_INET);
    show("connect", connect_to(fd, local_addr(listener)));
    wait_readable(listener);
    show("listen again", listen(listener, 16));
    int other = tcp(AF_INET);
    show("connect another", connect_to(other, local_addr(listener)));
    show_fd("accept", accept(listener, NULL, NULL));
    show_fd("accept", accept(listener, NULL, NULL));
    return 0;
}
