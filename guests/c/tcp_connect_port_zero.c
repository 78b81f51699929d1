/* Nothing listens on port 0. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("connect v4", connect_to(fd, loopback(AF_INET, 0)));
    fd = tcp(AF_INET6);
    show("connect v6", connect_to(fd, loopback(AF_INET6, 0)));
    return 0;
}
