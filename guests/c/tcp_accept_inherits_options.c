/* Socket options of the listener are those of the sockets it accepts on Linux. tcp(7), socket(7). */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    struct linger l = {.l_onoff = 1, .l_linger = 7};
    must("SO_KEEPALIVE", set_int(listener, SOL_SOCKET, SO_KEEPALIVE, 1));
    must("SO_OOBINLINE", set_int(listener, SOL_SOCKET, SO_OOBINLINE, 1));
    must("SO_LINGER", setsockopt(listener, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    must("TCP_NODELAY", set_int(listener, IPPROTO_TCP, TCP_NODELAY, 1));
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    int fd = accept_one(listener);
    show_option("SO_KEEPALIVE", fd, SOL_SOCKET, SO_KEEPALIVE);
    show_option("SO_OOBINLINE", fd, SOL_SOCKET, SO_OOBINLINE);
    show_option("TCP_NODELAY", fd, IPPROTO_TCP, TCP_NODELAY);
    show_option("SO_ACCEPTCONN", fd, SOL_SOCKET, SO_ACCEPTCONN);
    socklen_t len = sizeof l;
    memset(&l, 0, sizeof l);
    show("SO_LINGER", getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
    printf("linger: %d %d\n", l.l_onoff, l.l_linger);
    show_option("the client's SO_KEEPALIVE", client, SOL_SOCKET, SO_KEEPALIVE);
    return 0;
}
