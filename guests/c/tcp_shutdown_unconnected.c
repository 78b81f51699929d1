/* shutdown on sockets that are not connected. shutdown(2): ENOTCONN. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("fresh SHUT_RD", shutdown(fd, SHUT_RD));
    show("fresh SHUT_WR", shutdown(fd, SHUT_WR));
    show("fresh SHUT_RDWR", shutdown(fd, SHUT_RDWR));
    must("bind", bind_to(fd, loopback(AF_INET, 0)));
    show("bound SHUT_RDWR", shutdown(fd, SHUT_RDWR));
    fd = tcp(AF_INET6);
    connect_to(fd, refusing_addr(AF_INET6));
    show("refused SHUT_WR", shutdown(fd, SHUT_WR));
    return 0;
}
