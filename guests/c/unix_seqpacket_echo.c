/* A UNIX connection that keeps the boundaries of messages: bind, listen, connect, accept, both directions, the end. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("packets");
    int listener = show_fd("socket", socket(AF_UNIX, SOCK_SEQPACKET, 0));
    show("bind", bind_to(listener, a));
    show("listen", listen(listener, 4));
    int fd = show_fd("socket", socket(AF_UNIX, SOCK_SEQPACKET, 0));
    show("connect", connect_to(fd, a));
    int accepted = show_fd("accept", accept(listener, NULL, NULL));
    char buffer[16];
    show("send", send(fd, "one", 3, MSG_NOSIGNAL));
    show("send", send(fd, "three", 5, MSG_NOSIGNAL));
    show_data("server recv", recv(accepted, buffer, sizeof buffer, 0), buffer);
    show_data("server recv of less", recv(accepted, buffer, 2, 0), buffer);
    show("server write", write(accepted, "hello back", 10));
    show_data("read", read(fd, buffer, sizeof buffer), buffer);
    show("close", close(fd));
    show("server recv", recv(accepted, buffer, sizeof buffer, 0));
    show("unlink", unlink(a.un.sun_path));
    return 0;
}
