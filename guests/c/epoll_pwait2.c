/* epoll_pwait2: a time limit in nanoseconds, none, and ones that are no times. epoll_wait(2). signalfd is not tried: it is ENOSYS
 * here, as in a kernel without it. */
#include "t.h"
#include <sys/epoll.h>

static long pwait2(int epoll, long seconds, long nanos) {
    struct epoll_event event;
    struct timespec limit = {.tv_sec = seconds, .tv_nsec = nanos};
    return epoll_pwait2(epoll, &event, 1, &limit, NULL);
}

int main(void) {
    int epoll = (int)must("epoll_create1", epoll_create1(0)), fd = udp_bound(AF_INET);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 3};
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    show("at once", pwait2(epoll, 0, 0));
    show("a microsecond", pwait2(epoll, 0, 1000));
    long began = now_ms();
    show("30 ms", pwait2(epoll, 0, 30000000));
    fact("no less", now_ms() - began >= 29);
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    event.data.u32 = 0;
    show("for ever", epoll_pwait2(epoll, &event, 1, NULL, NULL));
    printf("%u\n", (unsigned)event.data.u32);
    static sigset_t mask; /* empty */
    show("with a mask", epoll_pwait2(epoll, &event, 1, &(struct timespec){1, 0}, &mask));
    show("a long time", pwait2(epoll, 1L << 30, 0));
    show("seconds below 0", pwait2(epoll, -1, 0));
    show("nanoseconds below 0", pwait2(epoll, 0, -1));
    show("10^9 nanoseconds", pwait2(epoll, 0, 1000000000));
    show("no events", epoll_pwait2(epoll, &event, 0, NULL, NULL));
    show("of a socket", epoll_pwait2(fd, &event, 1, NULL, NULL));
    show("of none", epoll_pwait2(9999, &event, 1, NULL, NULL));
    return 0;
}
