/* bind makes a file, which stays until it is unlinked; then no connect finds the socket, which goes on. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("file");
    int fd = tcp(AF_UNIX);
    struct stat status;
    show("stat before", stat(a.un.sun_path, &status));
    must("bind", bind_to(fd, a));
    show("stat", stat(a.un.sun_path, &status));
    must("listen", listen(fd, 4));
    int client = tcp(AF_UNIX);
    show("connect", connect_to(client, a));
    show("unlink", unlink(a.un.sun_path));
    show("stat", stat(a.un.sun_path, &status));
    show("connect", connect_to(tcp(AF_UNIX), a));
    show_addr("getsockname still names it", local_addr(fd));
    show_fd("accept", accept(fd, NULL, NULL));
    return 0;
}
