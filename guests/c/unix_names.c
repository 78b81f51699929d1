/* The names of UNIX stream sockets: the listener's path is the peer's of the client and the accepted socket's own; a
 * client that did not bind has none. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("listener");
    int listener = tcp(AF_UNIX);
    show_addr("fresh getsockname", local_addr(listener));
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 4));
    show_addr("listener getsockname", local_addr(listener));
    int fd = tcp(AF_UNIX);
    must("connect", connect_to(fd, a));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    int accepted = show_fd("accept", accept(listener, &from.sa, &from.len));
    show_addr("accept's address", from);
    fact("it is a family only", from.len == sizeof(sa_family_t));
    show_addr("client getsockname", local_addr(fd));
    show_addr("client getpeername", peer_addr(fd));
    show_addr("accepted getsockname", local_addr(accepted));
    show_addr("accepted getpeername", peer_addr(accepted));
    printf("a client that bound:\n");
    fd = tcp(AF_UNIX);
    must("bind", bind_to(fd, unix_addr("client")));
    must("connect", connect_to(fd, a));
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    accepted = show_fd("accept", accept(listener, &from.sa, &from.len));
    show_addr("accept's address", from);
    show_addr("accepted getpeername", peer_addr(accepted));
    return 0;
}
