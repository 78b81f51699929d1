/* UNIX datagrams keep boundaries: the empty one, the one that does not fit. unix(7), recv(2). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int server = udp(AF_UNIX), client = udp(AF_UNIX);
    must("bind", bind_to(server, unix_addr("server")));
    must("connect", connect_to(client, unix_addr("server")));
    char buffer[16];
    show("send 0", send(client, "", 0, MSG_NOSIGNAL));
    show("recv", recv(server, buffer, sizeof buffer, 0));
    must("send", send(client, "0123456789", 10, MSG_NOSIGNAL));
    must("send", send(client, "next", 4, MSG_NOSIGNAL));
    struct iovec iov = {.iov_base = buffer, .iov_len = 4};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show_data("recvmsg 4", recvmsg(server, &message, 0), buffer);
    fact("MSG_TRUNC", message.msg_flags & MSG_TRUNC);
    show_data("peek", recv(server, buffer, sizeof buffer, MSG_PEEK), buffer);
    show_data("recv", recv(server, buffer, sizeof buffer, 0), buffer);
    return 0;
}
