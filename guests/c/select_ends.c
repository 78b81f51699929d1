/* select on ends and errors: the end, a reset and a refused connection are readable, and writable too. select(2). */
#include "t.h"

static void run(const char *what, int fd) {
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(fd, &readable);
    FD_SET(fd, &writable);
    struct timeval time = {.tv_sec = 10};
    long n = select(fd + 1, &readable, &writable, NULL, &time);
    show(what, n);
    fact("readable", FD_ISSET(fd, &readable));
    fact("writable", FD_ISSET(fd, &writable));
}

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    close(pair[1]);
    wait_readable(pair[0]);
    run("the peer closed", pair[0]);
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_readable(pair[0]);
    run("reset", pair[0]);
    int fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    connect_to(fd, refusing_addr(AF_INET));
    wait_writable(fd);
    run("refused", fd);
    fd = udp(AF_INET);
    run("UDP", fd);
    return 0;
}
