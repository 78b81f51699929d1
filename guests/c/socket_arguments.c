/* socket with its protocol named, and with flags in the type. socket(2). */
#include "t.h"

int main(void) {
    show_fd("IPPROTO_TCP", socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    show_fd("IPPROTO_UDP", socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
    show_fd("v6 IPPROTO_TCP", socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
    show_fd("v6 IPPROTO_UDP", socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP));
    int fd = show_fd("SOCK_NONBLOCK", socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    fact("non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    fd = show_fd("SOCK_NONBLOCK|SOCK_CLOEXEC", socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    fact("non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    fd = show_fd("no flag", socket(AF_INET, SOCK_STREAM, 0));
    fact("non-blocking", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    return 0;
}
