/* connect and sendto on a connected UNIX stream. unix(7): EISCONN. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("listener");
    int listener = tcp(AF_UNIX);
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 4));
    int fd = tcp(AF_UNIX);
    show("connect", connect_to(fd, a));
    show("connect again", connect_to(fd, a));
    show("sendto", send_to(fd, "x", 1, a));
    show("connect on the listener", connect_to(listener, a));
    show("listen on the connected one", listen(fd, 1));
    return 0;
}
