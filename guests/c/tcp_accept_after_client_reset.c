/* A client that connected and reset the connection before accept: Linux accepts it; the first recv fails. accept(2). */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    wait_readable(listener);
    close_with_reset(client);
    int fd = show_fd("accept", accept(listener, NULL, NULL));
    wait_readable(fd);
    char byte;
    show("recv", recv(fd, &byte, 1, 0));
    show("recv", recv(fd, &byte, 1, 0));
    show("send", send(fd, "x", 1, MSG_NOSIGNAL));
    return 0;
}
