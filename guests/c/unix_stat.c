/* bind makes a file of type socket, which open refuses and unlink removes. unix(7), open(2): ENXIO. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("file");
    int fd = tcp(AF_UNIX);
    must("bind", bind_to(fd, a));
    struct stat status;
    show("stat", stat(a.un.sun_path, &status));
    fact("S_ISSOCK", S_ISSOCK(status.st_mode));
    must("listen", listen(fd, 4));
    show("unlink", unlink(a.un.sun_path));
    show("stat", stat(a.un.sun_path, &status));
    show("connect", connect_to(tcp(AF_UNIX), a));
    show_addr("getsockname still tells it", local_addr(fd));
    return 0;
}
