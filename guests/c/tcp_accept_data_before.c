/* Data a client sends before it is accepted waits for the acceptor. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET6);
    int client = tcp(AF_INET6);
    must("connect", connect_to(client, local_addr(listener)));
    show("send", send(client, "early ", 6, MSG_NOSIGNAL));
    show("send", send(client, "data", 4, MSG_NOSIGNAL));
    show("shutdown", shutdown(client, SHUT_WR));
    int fd = accept_one(listener);
    char buffer[32];
    show_data("recv", recv_all(fd, buffer, sizeof buffer), buffer);
    return 0;
}
