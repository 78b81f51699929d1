/* Every call on a descriptor that is not open: closed, negative, far beyond. POSIX: EBADF. */
#include "t.h"

static void run(const char *title, int fd) {
    printf("%s\n", title);
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
    show("read", read(fd, &byte, 1));
    show("write", write(fd, &byte, 1));
    show("readv", readv(fd, &iov, 1));
    show("writev", writev(fd, &iov, 1));
    show("shutdown", shutdown(fd, SHUT_WR));
    len = sizeof name;
    show("getsockname", getsockname(fd, (struct sockaddr *)&name, &len));
    show("getpeername", getpeername(fd, (struct sockaddr *)&name, &len));
    show("getsockopt", (len = sizeof value, getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len)));
    show("setsockopt", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    show("fcntl F_GETFL", fcntl(fd, F_GETFL, 0));
    show("fcntl F_SETFL", fcntl(fd, F_SETFL, O_NONBLOCK));
    struct stat status;
    show("fstat", fstat(fd, &status));
    show("close", close(fd));
}

int main(void) {
    int fd = tcp(AF_INET);
    close(fd);
    run("closed", fd);
    run("-1", -1);
    run("1000000", 1000000);
    return 0;
}
