/* UNIX sockets: a fresh stream hangs, a listener waits, the peer's end is a hang-up. poll(2), unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    show_poll("fresh stream", tcp(AF_UNIX));
    show_poll("fresh datagram", udp(AF_UNIX));
    struct addr a = unix_addr("poll_unix");
    unlink(a.un.sun_path);
    int listener = tcp(AF_UNIX);
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 4));
    show_poll("listener", listener);
    int fd = tcp(AF_UNIX);
    must("connect", connect_to(fd, a));
    show_poll("listener, one waits", listener);
    int accepted = accept_one(listener);
    show_poll("connected", fd);
    must("send", send(accepted, "x", 1, MSG_NOSIGNAL));
    show_poll("data is there", fd);
    must("shutdown", shutdown(accepted, SHUT_WR));
    char byte;
    must("recv", recv(fd, &byte, 1, 0));
    show_poll("the peer's SHUT_WR", fd);
    close(accepted);
    show_poll("the peer closed", fd);
    unlink(a.un.sun_path);
    return 0;
}
