/* SO_SNDTIMEO limits how long send blocks when the buffers are full: a part, then EAGAIN. socket(7). */
#include "t.h"

int main(void) {
    struct timeval time = {.tv_sec = 0, .tv_usec = 50000};
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("SO_SNDBUF", set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 65536));
    must("SO_RCVBUF", set_int(pair[1], SOL_SOCKET, SO_RCVBUF, 65536));
    show("set", setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    static char chunk[262144];
    ssize_t n;
    long before;
    do {
        before = now_ms();
        n = send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL);
    } while (n > 0);
    int error = errno;
    fact("waited at least the time", now_ms() - before >= 45);
    errno = error;
    show("send to full buffers", n);
    fact("O_NONBLOCK", fcntl(pair[0], F_GETFL, 0) & O_NONBLOCK);
    return 0;
}
