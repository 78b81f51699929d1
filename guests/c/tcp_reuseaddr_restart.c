/* A server that closed its connections first leaves them behind in TIME_WAIT: its address needs SO_REUSEADDR to be
 * bound again. socket(7), tcp(7). */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET);
    must("setsockopt", set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1));
    must("bind", bind_to(listener, loopback(AF_INET, 0)));
    must("listen", listen(listener, 8));
    struct addr a = local_addr(listener);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, a));
    int accepted = accept_one(listener);
    close(accepted);
    char byte;
    show("client recv", recv(client, &byte, 1, 0));
    close(client);
    close(listener);

    int fd = tcp(AF_INET);
    show("bind", bind_to(fd, a));
    must("setsockopt", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    show("bind with SO_REUSEADDR", bind_to(fd, a));
    show("listen", listen(fd, 8));
    return 0;
}
