/* A refused connection on a non-blocking socket: EINPROGRESS, then readiness, then SO_ERROR, which reading clears.
 * connect(2): EINPROGRESS. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("connect", connect_to(fd, refusing_addr(AF_INET)));
    fact("writable", wait_writable(fd) & POLLOUT);
    show_so_error(fd);
    show_so_error(fd);
    close(fd);

    printf("without SO_ERROR, the next call reports:\n");
    fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    char byte;
    show("connect", connect_to(fd, refusing_addr(AF_INET)));
    wait_writable(fd);
    show("recv", recv(fd, &byte, 1, 0));
    show("recv", recv(fd, &byte, 1, 0));
    show("send", send(fd, "x", 1, MSG_NOSIGNAL));
    close(fd);
    return 0;
}
