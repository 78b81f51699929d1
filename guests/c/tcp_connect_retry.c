/* A socket whose connection was refused can be connected again. Linux connect(2): the state after a failure.
 * A non-blocking socket whose error was taken by SO_ERROR reports ECONNABORTED once before. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    show("blocking connect", connect_to(fd, refusing_addr(AF_INET)));
    show("again", connect_to(fd, refusing_addr(AF_INET)));
    show("to a listener", connect_to(fd, local_addr(listener)));
    show_addr("getpeername", peer_addr(fd));
    close(fd);

    fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("non-blocking connect", connect_to(fd, refusing_addr(AF_INET)));
    wait_writable(fd);
    show("again reports the error", connect_to(fd, local_addr(listener)));
    show("again starts anew", connect_to(fd, local_addr(listener)));
    wait_writable(fd);
    show_so_error(fd);
    close(fd);

    fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("non-blocking connect", connect_to(fd, refusing_addr(AF_INET)));
    wait_writable(fd);
    show_so_error(fd);
    show("again after SO_ERROR", connect_to(fd, local_addr(listener)));
    show("again starts anew", connect_to(fd, local_addr(listener)));
    wait_writable(fd);
    show_so_error(fd);
    return 0;
}
