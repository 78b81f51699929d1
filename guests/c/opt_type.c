/* SO_TYPE is the type of the socket. socket(7). */
#include "t.h"

static void run(const char *what, int fd) {
    int type = int_option(fd, SOL_SOCKET, SO_TYPE);
    printf("%s: %s\n", what, type == SOCK_STREAM ? "SOCK_STREAM" : type == SOCK_DGRAM ? "SOCK_DGRAM" : "another");
}

int main(void) {
    run("TCP", tcp(AF_INET));
    run("TCP v6", tcp(AF_INET6));
    run("UDP", udp(AF_INET));
    run("UDP v6", udp(AF_INET6));
    run("UNIX stream", tcp(AF_UNIX));
    run("UNIX datagram", udp(AF_UNIX));
    run("listener", tcp_listener(AF_INET));
    int pair[2];
    tcp_pair(AF_INET, pair);
    run("accepted", pair[1]);
    run("SOCK_NONBLOCK is not in it", (int)must("socket", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)));
    return 0;
}
