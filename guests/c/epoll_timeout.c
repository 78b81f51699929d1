/* epoll_wait gives up after its time, and not before. epoll_wait(2). */
#include "t.h"
#include <sys/epoll.h>

int main(void) {
    int epoll = (int)must("epoll_create1", epoll_create1(0)), fd = udp_bound(AF_INET);
    struct epoll_event event = {.events = EPOLLIN};
    must("add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    long began = now_ms();
    show("wait 100 ms", epoll_wait(epoll, &event, 1, 100));
    long took = now_ms() - began;
    fact("it took 100 ms or more", took >= 99);
    fact("it took less than 5 s", took < 5000);
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    show("wait without end", epoll_wait(epoll, &event, 1, -1));
    return 0;
}
