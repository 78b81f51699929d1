/* select's time: none, some, and nothing to wait for but time; the sets are empty after it. select(2). */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    struct timeval time = {.tv_sec = 0, .tv_usec = 0};
    show("0 ms", select(fd + 1, &readable, NULL, NULL, &time));
    fact("set", FD_ISSET(fd, &readable));
    FD_SET(fd, &readable);
    time = (struct timeval){.tv_sec = 0, .tv_usec = 50000};
    long before = now_ms();
    show("50 ms", select(fd + 1, &readable, NULL, NULL, &time));
    fact("waited at least the time", now_ms() - before >= 49);
    fact("set", FD_ISSET(fd, &readable));
    time = (struct timeval){.tv_sec = 0, .tv_usec = 30000};
    before = now_ms();
    show("no descriptors, 30 ms", select(0, NULL, NULL, NULL, &time));
    fact("waited at least the time", now_ms() - before >= 29);
    must("sendto", send_to(fd, "x", 1, local_addr(fd)));
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    show("no limit", select(fd + 1, &readable, NULL, NULL, NULL));
    fact("set", FD_ISSET(fd, &readable));
    return 0;
}
