/* A client that connected, sent and closed before accept: accept succeeds, the data is there, then the end. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    struct addr name = local_addr(client);
    must("send", send(client, "bye", 3, MSG_NOSIGNAL));
    close(client);
    wait_readable(listener);
    int fd = show_fd("accept", accept(listener, NULL, NULL));
    fact("getpeername still knows the client", same_addr(peer_addr(fd), name));
    char buffer[8];
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    return 0;
}
