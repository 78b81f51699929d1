/* Socket options on UNIX sockets: the general ones work, TCP's do not exist. unix(7), socket(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_UNIX);
    show("set SO_KEEPALIVE", set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
    show("set SO_REUSEADDR", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    show_option("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
    show_option("SO_ACCEPTCONN", fd, SOL_SOCKET, SO_ACCEPTCONN);
    show("set TCP_NODELAY", set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    show_so_error(fd);
    struct timeval time = {.tv_sec = 0, .tv_usec = 30000};
    fd = udp(AF_UNIX);
    show("set SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    char byte;
    show("recv", recv(fd, &byte, 1, 0));
    return 0;
}
