/* socketpair with flags, and with boundaries: SOCK_SEQPACKET. socketpair(2), unix(7). */
#include "../c/t.h"

int main(void) {
    int pair[2];
    char buffer[8];
    show("stream, not blocking", socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
    fact("O_NONBLOCK", (fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0);
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show("seqpacket", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    show("SO_TYPE is SOCK_SEQPACKET", int_option(pair[0], SOL_SOCKET, SO_TYPE) == SOCK_SEQPACKET);
    show("send", send(pair[0], "one", 3, MSG_NOSIGNAL));
    show("send", send(pair[0], "three", 5, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show_data("recv of less", recv(pair[1], buffer, 2, 0), buffer);
    close(pair[0]);
    show("the end", recv(pair[1], buffer, sizeof buffer, 0));
    show("datagram", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    show("send", send(pair[0], "first", 5, MSG_NOSIGNAL));
    show("send", send(pair[0], "second", 6, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("a type that is none", socketpair(AF_UNIX, 77, 0, pair));
    show("AF_INET6", socketpair(AF_INET6, SOCK_DGRAM, 0, pair));
    return 0;
}
