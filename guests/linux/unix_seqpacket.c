/* SOCK_SEQPACKET over UNIX sockets: connections that keep the boundaries of messages. unix(7), sendmsg(2), recvmsg(2). */
#include "../c/t.h"

static long send_message(int fd, const char *one, const char *two, const struct addr *to, int flags) {
    struct iovec parts[2] = {{(void *)(uintptr_t)one, strlen(one)}, {(void *)(uintptr_t)two, strlen(two)}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    struct addr name;
    if (to != NULL) {
        name = *to;
        message.msg_name = &name.sa;
        message.msg_namelen = name.len;
    }
    return sendmsg(fd, &message, flags | MSG_NOSIGNAL);
}

static void receive_message(const char *what, int fd, size_t room, int flags) {
    char buffer[32] = "";
    struct iovec part = {buffer, room};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    long count = recvmsg(fd, &message, flags);
    show_data(what, count > (long)room ? (long)room : count, buffer);
    if (count > (long)room) show("its real length", count);
    if (count < 0) return;
    fact("MSG_EOR", (message.msg_flags & MSG_EOR) != 0);
    fact("MSG_TRUNC", (message.msg_flags & MSG_TRUNC) != 0);
}

int main(int argc, char **argv) {
    scratch(argc, argv);
    char buffer[32];
    struct addr a = unix_addr("packets");
    show_fd("IPv4", socket(AF_INET, SOCK_SEQPACKET, IPPROTO_TCP));
    int listener = show_fd("socket", socket(AF_UNIX, SOCK_SEQPACKET, 0));
    show("SO_TYPE is SOCK_SEQPACKET", int_option(listener, SOL_SOCKET, SO_TYPE) == SOCK_SEQPACKET);
    show("SO_PROTOCOL", int_option(listener, SOL_SOCKET, SO_PROTOCOL));
    show("bind", bind_to(listener, a));
    show("listen", listen(listener, 4));
    int fd = show_fd("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    show("send, not connected", send(fd, "x", 1, MSG_NOSIGNAL));
    show("sendto, not connected", sendto(fd, "x", 1, MSG_NOSIGNAL, &a.sa, a.len));
    show("recv, not connected", recv(fd, buffer, sizeof buffer, 0));
    show("accept, not listening", accept(fd, NULL, NULL));
    int stream = show_fd("a stream", socket(AF_UNIX, SOCK_STREAM, 0));
    show("connect of a stream", connect_to(stream, a));
    close(stream);
    show("connect", connect_to(fd, a));
    show("connect again", connect_to(fd, a));
    struct addr peer = {.len = sizeof peer.storage};
    int accepted = show_fd("accept", accept(listener, &peer.sa, &peer.len));
    show("SO_TYPE of the accepted", int_option(accepted, SOL_SOCKET, SO_TYPE) == SOCK_SEQPACKET);
    show_addr("getpeername", peer_addr(fd));
    show_addr("getsockname of the accepted", local_addr(accepted));

    show("send", send(fd, "one", 3, MSG_NOSIGNAL));
    show("send with MSG_EOR", send(fd, "three", 5, MSG_NOSIGNAL | MSG_EOR));
    show("sendmsg of parts", send_message(fd, "par", "ts", NULL, 0));
    show("write", write(fd, "written", 7));
    show("poll", revents_now(accepted, POLLIN, 0) == POLLIN);
    int count = -1;
    show("FIONREAD", ioctl(accepted, FIONREAD, &count));
    show("bytes", count);
    show_data("recv", recv(accepted, buffer, sizeof buffer, 0), buffer);
    receive_message("a peek with too little room", accepted, 2, MSG_PEEK);
    receive_message("recvmsg with too little room", accepted, 2, 0);
    receive_message("recvmsg with MSG_WAITALL", accepted, sizeof buffer, MSG_WAITALL);
    show_data("read of a part", read(accepted, buffer, 3), buffer);
    show("the rest is gone", recv(accepted, buffer, sizeof buffer, MSG_DONTWAIT));
    show("send", send(fd, "longer", 6, MSG_NOSIGNAL));
    receive_message("recvmsg with MSG_TRUNC", accepted, 2, MSG_TRUNC);

    /* The address is not looked at: there is a connection. */
    struct addr elsewhere = unix_addr("unused");
    show("sendto somebody else", sendto(fd, "to", 2, MSG_NOSIGNAL, &elsewhere.sa, elsewhere.len));
    show("sendmsg to somebody else", send_message(fd, "m", "sg", &elsewhere, 0));
    struct addr from = {.len = sizeof from.storage};
    show_data("recvfrom", recvfrom(accepted, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show("length of the sender's name", (long)from.len);
    show_data("recv", recv(accepted, buffer, sizeof buffer, 0), buffer);
    show("send back", send(accepted, "back", 4, MSG_NOSIGNAL));
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(fd, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show_addr("from", from);
    show("MSG_OOB", send(fd, "!", 1, MSG_NOSIGNAL | MSG_OOB));
    show("recv with MSG_OOB", recv(fd, buffer, sizeof buffer, MSG_OOB));

    show("an empty message", send(fd, "", 0, MSG_NOSIGNAL));
    show("and one behind it", send(fd, "behind", 6, MSG_NOSIGNAL));
    show("recv of nothing", recv(accepted, buffer, sizeof buffer, 0));
    show_data("recv", recv(accepted, buffer, sizeof buffer, 0), buffer);

    /* As much as fits, and then none. */
    static char large[1 << 20];
    show("a message too long", send(fd, large, sizeof large, MSG_NOSIGNAL));
    long sent;
    do sent = send(fd, large, 4096, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent == 4096);
    show("send to a full queue", sent);
    fact("writable", revents_now(fd, POLLOUT, 0) & POLLOUT);
    do sent = recv(accepted, large, sizeof large, MSG_DONTWAIT);
    while (sent == 4096);
    show("recv from an empty queue", sent);
    fact("writable", revents_now(fd, POLLOUT, 0) & POLLOUT);

    show("shutdown", shutdown(fd, SHUT_WR));
    show("send after it", send(fd, "x", 1, MSG_NOSIGNAL));
    show("the end", recv(accepted, buffer, sizeof buffer, 0));
    show("the end, MSG_DONTWAIT", recv(accepted, buffer, sizeof buffer, MSG_DONTWAIT));
    show("the other way", send(accepted, "still", 5, MSG_NOSIGNAL));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    close(accepted);
    show("the end of both", recv(fd, buffer, sizeof buffer, 0));
    close(fd);

    fd = show_fd("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));
    show("connect", connect_to(fd, a));
    show("recv", recv(fd, buffer, sizeof buffer, 0));
    close(listener);
    show("a closed listener", recv(fd, buffer, sizeof buffer, 0));
    show("unlink", unlink(a.un.sun_path));
    show("connect to nothing", connect_to(socket(AF_UNIX, SOCK_SEQPACKET, 0), a));
    return 0;
}
