/* Data calls on a socket that was never connected. send(2): EPIPE on Linux; recv(2): ENOTCONN. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    char byte;
    show("send", send(fd, "x", 1, MSG_NOSIGNAL));
    show("sendto", send_to(fd, "x", 1, refusing_addr(AF_INET)));
    show("recv", recv(fd, &byte, 1, 0));
    show("recvfrom", recvfrom(fd, &byte, 1, 0, NULL, NULL));
    show("recv MSG_PEEK", recv(fd, &byte, 1, MSG_PEEK));
    show("read", read(fd, &byte, 1));
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    show("getpeername", getpeername(fd, (struct sockaddr *)&peer, &len));
    show_so_error(fd);
    return 0;
}
