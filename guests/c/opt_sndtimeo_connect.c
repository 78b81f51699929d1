/* SO_SNDTIMEO limits how long connect blocks. Linux socket(7): EINPROGRESS. The listener's queue is full. */
#include "t.h"

int main(void) {
    int listener = tcp(AF_INET);
    must("bind", bind_to(listener, loopback(AF_INET, 0)));
    must("listen", listen(listener, 0));
    int first = tcp(AF_INET);
    must("connect", connect_to(first, local_addr(listener)));
    wait_readable(listener);
    int fd = tcp(AF_INET);
    struct timeval time = {.tv_sec = 0, .tv_usec = 50000};
    show("set", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    show("connect", connect_to(fd, local_addr(listener)));
    show("connect again", connect_to(fd, local_addr(listener)));
    return 0;
}
