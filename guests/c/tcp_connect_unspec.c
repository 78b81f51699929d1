/* connect with AF_UNSPEC ends a TCP connection; the socket can be connected again. connect(2): "dissolve". */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    must("connect", connect_to(fd, local_addr(listener)));
    int accepted = accept_one(listener);
    show("connect AF_UNSPEC", connect_to(fd, unspec()));
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    show("getpeername", getpeername(fd, (struct sockaddr *)&peer, &len));
    char buffer[8];
    wait_readable(accepted);
    show("the other end's recv", recv(accepted, buffer, sizeof buffer, 0));
    show("connect again", connect_to(fd, local_addr(listener)));
    close(accepted);
    accepted = accept_one(listener);
    show("send", send(fd, "new", 3, MSG_NOSIGNAL));
    show_data("recv", recv(accepted, buffer, sizeof buffer, 0), buffer);
    return 0;
}
