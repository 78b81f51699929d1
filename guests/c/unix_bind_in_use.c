/* A path that exists cannot be bound: a socket's, a file's, one whose socket is closed. unix(7): EADDRINUSE. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("in_use");
    int fd = tcp(AF_UNIX);
    show("bind", bind_to(fd, a));
    show("bind another socket", bind_to(tcp(AF_UNIX), a));
    show("bind a datagram socket", bind_to(udp(AF_UNIX), a));
    close(fd);
    show("bind when closed", bind_to(tcp(AF_UNIX), a));
    show("unlink", unlink(a.un.sun_path));
    show("bind when unlinked", bind_to(tcp(AF_UNIX), a));
    struct addr file = unix_addr("file");
    close((int)must("open", open(file.un.sun_path, O_RDWR | O_CREAT, 0600)));
    show("bind to a file's path", bind_to(tcp(AF_UNIX), file));
    return 0;
}
