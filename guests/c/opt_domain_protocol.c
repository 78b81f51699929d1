/* SO_DOMAIN and SO_PROTOCOL. Linux socket(7). */
#include "t.h"

static void run(const char *what, int fd) {
    int domain = int_option(fd, SOL_SOCKET, SO_DOMAIN), protocol = int_option(fd, SOL_SOCKET, SO_PROTOCOL);
    printf("%s: %s %s\n", what,
           domain == AF_INET    ? "AF_INET"
           : domain == AF_INET6 ? "AF_INET6"
           : domain == AF_UNIX  ? "AF_UNIX"
                                : "another",
           protocol == IPPROTO_TCP   ? "IPPROTO_TCP"
           : protocol == IPPROTO_UDP ? "IPPROTO_UDP"
           : protocol == 0           ? "0"
                                     : "another");
}

int main(void) {
    run("TCP", tcp(AF_INET));
    run("TCP v6", tcp(AF_INET6));
    run("UDP", udp(AF_INET));
    run("UDP v6", udp(AF_INET6));
    run("UNIX stream", tcp(AF_UNIX));
    run("UNIX datagram", udp(AF_UNIX));
    return 0;
}
