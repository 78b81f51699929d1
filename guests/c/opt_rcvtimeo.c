/* SO_RCVTIMEO limits how long recv, recvfrom and accept block: EAGAIN, not before the time. socket(7). */
#include "t.h"

static long started;
static void show_waited(const char *what, long result) {
    int error = errno;
    long waited = now_ms() - started;
    errno = error;
    show(what, result);
    fact("waited at least the time", waited >= 45);
}

int main(void) {
    struct timeval time = {.tv_sec = 0, .tv_usec = 50000};
    char byte;
    int pair[2];
    tcp_pair(AF_INET, pair);
    show("set", setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    started = now_ms();
    show_waited("recv", recv(pair[0], &byte, 1, 0));
    started = now_ms();
    show_waited("read", read(pair[0], &byte, 1));

    int fd = udp_bound(AF_INET);
    show("set", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    started = now_ms();
    show_waited("udp recvfrom", recvfrom(fd, &byte, 1, 0, NULL, NULL));
    must("sendto", send_to(fd, "x", 1, local_addr(fd)));
    show("udp recvfrom with data", recvfrom(fd, &byte, 1, 0, NULL, NULL));

    int listener = tcp_listener(AF_INET);
    show("set", setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    started = now_ms();
    show_waited("accept", accept(listener, NULL, NULL));
    return 0;
}
