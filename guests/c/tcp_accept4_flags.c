/* accept4 with SOCK_NONBLOCK, and with flags that do not exist. accept4(2): EINVAL. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    show_fd("accept4 with an unknown flag", accept4(listener, NULL, NULL, 1));
    int fd = show_fd("accept4 SOCK_NONBLOCK", accept4(listener, NULL, NULL, SOCK_NONBLOCK));
    fact("non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    char byte;
    show("recv", recv(fd, &byte, 1, 0));

    client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    fd = show_fd("accept4 0", accept4(listener, NULL, NULL, 0));
    fact("non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);

    client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    fd = show_fd("accept4 SOCK_CLOEXEC|SOCK_NONBLOCK", accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    fact("non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    return 0;
}
