/* A second connect after a non-blocking one has completed returns 0 once on Linux, and EISCONN from then on. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("connect", connect_to(fd, local_addr(listener)));
    wait_writable(fd);
    show("connect when done", connect_to(fd, local_addr(listener)));
    show("connect once more", connect_to(fd, local_addr(listener)));
    return 0;
}
