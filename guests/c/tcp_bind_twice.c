/* A socket is bound once: by bind, by connect or by listen. bind(2): EINVAL. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("bind", bind_to(fd, loopback(AF_INET, 0)));
    struct addr before = local_addr(fd);
    show("bind again", bind_to(fd, loopback(AF_INET, 0)));
    fact("the address stays", same_addr(local_addr(fd), before));
    show("listen", listen(fd, 1));
    show("bind a listener", bind_to(fd, loopback(AF_INET, 0)));

    int client = tcp(AF_INET);
    must("connect", connect_to(client, before));
    show("bind a connected socket", bind_to(client, loopback(AF_INET, 0)));
    int accepted = accept_one(fd);
    show("bind an accepted socket", bind_to(accepted, loopback(AF_INET, 0)));
    int autobound = tcp(AF_INET);
    must("listen", listen(autobound, 1));
    show("bind after listen", bind_to(autobound, loopback(AF_INET, 0)));
    return 0;
}
