/* connect on a listening socket. Linux: EISCONN. The listener goes on listening. */
#include "t.h"

int main(void) {
    int other = tcp_listener(AF_INET);
    int listener = tcp_listener(AF_INET);
    show("connect", connect_to(listener, local_addr(other)));
    int fd = tcp(AF_INET);
    show("connect to it", connect_to(fd, local_addr(listener)));
    show_fd("accept", accept(listener, NULL, NULL));
    return 0;
}
