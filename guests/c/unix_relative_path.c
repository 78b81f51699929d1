/* A relative path is taken from the working directory, and is the name as it was given. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    must("chdir", chdir(t_scratch));
    struct addr a = {.len = 0};
    memset(&a, 0, sizeof a);
    a.un.sun_family = AF_UNIX;
    strcpy(a.un.sun_path, "relative");
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof "relative");
    int listener = tcp(AF_UNIX);
    show("bind", bind_to(listener, a));
    show_addr("getsockname", local_addr(listener));
    must("listen", listen(listener, 4));
    show("connect", connect_to(tcp(AF_UNIX), a));
    show("connect by the whole path", connect_to(tcp(AF_UNIX), unix_addr("relative")));
    return 0;
}
