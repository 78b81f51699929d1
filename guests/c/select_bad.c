/* select with what it cannot take: a closed descriptor is EBADF, a negative count or time EINVAL. select(2). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET), closed = udp(AF_INET);
    close(closed);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    FD_SET(closed, &readable);
    struct timeval time = {.tv_sec = 0, .tv_usec = 0};
    show("a closed descriptor", select(closed + 1, &readable, NULL, NULL, &time));
    FD_ZERO(&readable);
    show("count -1", select(-1, &readable, NULL, NULL, &time));
    time = (struct timeval){.tv_sec = -1, .tv_usec = 0};
    show("time -1 s", select(0, NULL, NULL, NULL, &time));
    return 0;
}
