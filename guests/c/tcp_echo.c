/* A TCP echo over IPv4 and over IPv6, with blocking calls. */
#include "t.h"

static void echo(int family) {
    int pair[2];
    tcp_pair(family, pair);
    char buffer[32];
    show("send", send(pair[0], "hello", 5, MSG_NOSIGNAL));
    ssize_t n = show_data("server recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("server send", send(pair[1], buffer, (size_t)n, MSG_NOSIGNAL));
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show("close", close(pair[0]));
    show("server recv", recv(pair[1], buffer, sizeof buffer, 0));
    show("server close", close(pair[1]));
}

int main(void) {
    echo(AF_INET);
    echo(AF_INET6);
    return 0;
}
