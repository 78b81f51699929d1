/* Data calls on UNIX sockets without a peer. unix(7): ENOTCONN; for a stream's recv EINVAL on Linux. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_UNIX);
    char byte;
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    show("stream send", send(fd, "x", 1, MSG_NOSIGNAL));
    show("stream recv", recv(fd, &byte, 1, MSG_DONTWAIT));
    show("stream getpeername", getpeername(fd, (struct sockaddr *)&name, &len));
    show_fd("stream accept", accept(fd, NULL, NULL));
    show("stream listen", listen(fd, 1));
    fd = udp(AF_UNIX);
    show("datagram send", send(fd, "x", 1, MSG_NOSIGNAL));
    show("datagram recv", recv(fd, &byte, 1, MSG_DONTWAIT));
    show("datagram getpeername", getpeername(fd, (struct sockaddr *)&name, &len));
    return 0;
}
