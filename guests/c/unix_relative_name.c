/* A relative path is a socket's name as it was given. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    must("chdir", chdir(t_scratch));
    struct addr a;
    memset(&a, 0, sizeof a);
    a.un.sun_family = AF_UNIX;
    strcpy(a.un.sun_path, "relative");
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof "relative");
    int listener = tcp(AF_UNIX);
    show("bind", bind_to(listener, a));
    show_addr("getsockname", local_addr(listener));
    must("listen", listen(listener, 4));
    int fd = tcp(AF_UNIX);
    show("connect", connect_to(fd, a));
    show_addr("getpeername", peer_addr(fd));
    return 0;
}
