/* The calls of connections on a UDP socket. accept(2), listen(2): EOPNOTSUPP. */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET);
    show_fd("accept", accept(fd, NULL, NULL));
    show_fd("accept4", accept4(fd, NULL, NULL, SOCK_NONBLOCK));
    show("listen", listen(fd, 1));
    show_fd("v6 accept", accept(udp(AF_INET6), NULL, NULL));
    return 0;
}
