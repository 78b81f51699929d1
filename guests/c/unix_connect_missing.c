/* Paths that cannot be connected to: nothing there, a file, a socket file without a listener. connect(2), unix(7):
 * ENOENT, ECONNREFUSED. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    show("nothing there", connect_to(tcp(AF_UNIX), unix_addr("missing")));
    show("no such directory", connect_to(tcp(AF_UNIX), unix_addr("missing/socket")));
    close((int)must("open", open(scratch_path("file"), O_RDWR | O_CREAT, 0600)));
    show("a file", connect_to(tcp(AF_UNIX), unix_addr("file")));
    must("mkdir", mkdir(scratch_path("directory"), 0700));
    show("a directory", connect_to(tcp(AF_UNIX), unix_addr("directory")));
    int fd = tcp(AF_UNIX);
    must("bind", bind_to(fd, unix_addr("stale")));
    show("bound, not listening", connect_to(tcp(AF_UNIX), unix_addr("stale")));
    must("listen", listen(fd, 1));
    close(fd);
    show("stale", connect_to(tcp(AF_UNIX), unix_addr("stale")));
    show("datagram to nothing", send_to(udp(AF_UNIX), "x", 1, unix_addr("missing")));
    show("datagram to a file", send_to(udp(AF_UNIX), "x", 1, unix_addr("file")));
    show("datagram to a stale one", send_to(udp(AF_UNIX), "x", 1, unix_addr("stale")));
    return 0;
}
