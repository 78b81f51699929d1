/* Every socket call on a regular file. POSIX: ENOTSOCK. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    const char *path = scratch_path("not_a_socket");
    int fd = (int)must("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    struct addr a = loopback(AF_INET, 1);
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    char byte = 'x';
    int value = 1;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    show("bind", bind_to(fd, a));
    show("connect", connect_to(fd, a));
    show("listen", listen(fd, 1));
    show("accept", accept(fd, NULL, NULL));
    show("accept4", accept4(fd, NULL, NULL, SOCK_NONBLOCK));
    show("send", send(fd, "x", 1, MSG_NOSIGNAL));
    show("sendto", send_to(fd, "x", 1, a));
    show("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
    show("recv", recv(fd, &byte, 1, 0));
    show("recvfrom", recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&name, &len));
    show("recvmsg", recvmsg(fd, &message, 0));
    show("shutdown", shutdown(fd, SHUT_WR));
    len = sizeof name;
    show("getsockname", getsockname(fd, (struct sockaddr *)&name, &len));
    show("getpeername", getpeername(fd, (struct sockaddr *)&name, &len));
    len = sizeof value;
    show("getsockopt", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len));
    show("setsockopt", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    close(fd);
    unlink(path);
    return 0;
}
