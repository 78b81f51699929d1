/* bind with family AF_UNSPEC: Linux takes it for AF_INET when the address is the wildcard. ip(7). */
#include "t.h"

int main(void) {
    struct addr a = ip("0.0.0.0", 0);
    a.sa.sa_family = AF_UNSPEC;
    int fd = tcp(AF_INET);
    show("bind the wildcard", bind_to(fd, a));
    show_addr("getsockname", local_addr(fd));
    a = ip("127.0.0.1", 0);
    a.sa.sa_family = AF_UNSPEC;
    show("bind loopback", bind_to(tcp(AF_INET), a));
    return 0;
}
