/* shutdown(SHUT_RD) on a Linux listener ends listening: accept is EINVAL and connections are refused. SHUT_WR does
 * nothing. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    struct addr a = local_addr(listener);
    show("SHUT_WR", shutdown(listener, SHUT_WR));
    int fd = tcp(AF_INET);
    show("connect", connect_to(fd, a));
    show_fd("accept", accept(listener, NULL, NULL));
    show("SHUT_RD", shutdown(listener, SHUT_RD));
    show_fd("accept", accept(listener, NULL, NULL));
    fd = tcp(AF_INET);
    show("connect", connect_to(fd, a));
    show_option("SO_ACCEPTCONN", listener, SOL_SOCKET, SO_ACCEPTCONN);
    return 0;
}
