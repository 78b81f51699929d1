/* A refused connection: POLLERR and POLLHUP with the error, POLLHUP without. poll(2), connect(2). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("connect", connect_to(fd, refusing_addr(AF_INET)));
    wait_writable(fd);
    show_poll("refused", fd);
    show_so_error(fd);
    show_poll("when the error is taken", fd);
    return 0;
}
