/* A connection that cannot complete yet, because the listener's queue (backlog 0) is full: Linux drops the SYN.
 * While it is under way connect is EALREADY, and the socket has no peer, no data and no room. connect(2), listen(2). */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET);
    must("bind", bind_to(listener, loopback(AF_INET, 0)));
    must("listen", listen(listener, 0));
    int first = tcp(AF_INET);
    must("connect", connect_to(first, local_addr(listener)));
    wait_readable(listener);

    int fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    show("connect", connect_to(fd, local_addr(listener)));
    show("connect again", connect_to(fd, local_addr(listener)));
    show("connect again", connect_to(fd, local_addr(listener)));
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    show("getpeername", getpeername(fd, (struct sockaddr *)&peer, &len));
    char byte;
    show("recv", recv(fd, &byte, 1, 0));
    show("send", send(fd, "x", 1, MSG_NOSIGNAL));
    show_so_error(fd);
    show_addr("getsockname", local_addr(fd));
    show("listen", listen(fd, 1));
    show("close", close(fd));
    close(first);
    close(listener);
    return 0;
}
