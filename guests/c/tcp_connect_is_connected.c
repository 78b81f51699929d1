/* connect on a connected socket. connect(2): EISCONN; for blocking, accepted and half-closed sockets. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    show("connect", connect_to(fd, local_addr(listener)));
    show("connect again", connect_to(fd, local_addr(listener)));
    show("connect elsewhere", connect_to(fd, refusing_addr(AF_INET)));
    int accepted = accept_one(listener);
    show("connect on an accepted socket", connect_to(accepted, local_addr(listener)));
    set_nonblocking(fd, 1);
    show("connect again, non-blocking", connect_to(fd, local_addr(listener)));
    must("shutdown", shutdown(fd, SHUT_WR));
    show("connect after SHUT_WR", connect_to(fd, local_addr(listener)));
    show_so_error(fd);
    return 0;
}
