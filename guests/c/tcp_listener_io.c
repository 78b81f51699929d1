/* Data calls on a listener: as on any socket that is not connected. */
#include "t.h"

int main(void) {
    int fd = tcp_listener(AF_INET);
    char byte;
    show("send", send(fd, "x", 1, MSG_NOSIGNAL));
    show("recv", recv(fd, &byte, 1, 0));
    show("read", read(fd, &byte, 1));
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    show("getpeername", getpeername(fd, (struct sockaddr *)&peer, &len));
    show_addr("getsockname", local_addr(fd));
    return 0;
}
