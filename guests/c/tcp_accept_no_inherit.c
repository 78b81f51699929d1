/* A socket accepted from a non-blocking listener is blocking on Linux. accept(2): "does not inherit file status flags".
 */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    set_nonblocking(listener, 1);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    wait_readable(listener);
    int fd = show_fd("accept", accept(listener, NULL, NULL));
    fact("listener non-blocking", fcntl(listener, F_GETFL, 0) & O_NONBLOCK);
    fact("accepted non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    must("send", send(client, "there", 5, MSG_NOSIGNAL));
    char buffer[8];
    show_data("blocking recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    return 0;
}
