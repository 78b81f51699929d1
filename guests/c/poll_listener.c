/* A listener is readable when a connection waits, and never writable. poll(2), accept(2). */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    show_poll("no connection waits", listener);
    int fd = tcp(AF_INET);
    must("connect", connect_to(fd, local_addr(listener)));
    wait_readable(listener);
    show_poll("one waits", listener);
    int other = tcp(AF_INET);
    must("connect", connect_to(other, local_addr(listener)));
    accept_one(listener);
    wait_readable(listener);
    show_poll("another waits", listener);
    accept_one(listener);
    show_poll("no connection waits", listener);
    return 0;
}
