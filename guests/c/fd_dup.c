/* dup and dup2: two numbers for one socket, which lives until both are closed. dup(2). wasip1 cannot say it: it has
 * no call that makes a second number. */
#include "t.h"

#ifdef __wasi__ /* its libc declares neither */
static int dup(int fd) {
    (void)fd;
    errno = ENOSYS;
    return -1;
}
static int dup2(int fd, int number) {
    (void)number;
    return dup(fd);
}
#endif

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    int copy = show_fd("dup", dup(pair[0]));
    if (copy < 0) return 0;
    fact("another number", copy != pair[0]);
    show("send by the copy", send(copy, "copy", 4, MSG_NOSIGNAL));
    char buffer[8];
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    set_nonblocking(pair[0], 1);
    fact("the copy is non-blocking too", fcntl(copy, F_GETFL, 0) & O_NONBLOCK);
    show("close the first", close(pair[0]));
    show("send by the copy", send(copy, "still", 5, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    int target = udp(AF_INET);
    fact("dup2", dup2(copy, target) == target);
    show("close the copy", close(copy));
    show("send by dup2's", send(target, "on", 2, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("close dup2's", close(target));
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    return 0;
}
