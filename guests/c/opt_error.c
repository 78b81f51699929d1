/* SO_ERROR: 0 on a good socket, the pending error once, then 0. socket(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_so_error(fd);
    set_nonblocking(fd, 1);
    connect_to(fd, refusing_addr(AF_INET));
    wait_writable(fd);
    show_so_error(fd);
    show_so_error(fd);
    int pair[2];
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_readable(pair[0]);
    show_so_error(pair[0]);
    show_so_error(pair[0]);
    char byte;
    show("recv", recv(pair[0], &byte, 1, 0));
    return 0;
}
