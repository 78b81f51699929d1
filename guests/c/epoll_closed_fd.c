/* A closed descriptor leaves the epoll by itself, and its number can be added again. epoll(7), questions and answers. */
#include "t.h"
#include <sys/epoll.h>

int main(void) {
    int epoll = (int)must("epoll_create1", epoll_create1(0)), fd = udp_bound(AF_INET);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 1};
    must("add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    show("before", epoll_wait(epoll, &event, 1, T_TIMEOUT_MS));
    close(fd);
    show("after", epoll_wait(epoll, &event, 1, 0));
    int again = udp_bound(AF_INET);
    fact("the number is used again", again == fd);
    event.data.u32 = 2;
    show("add", epoll_ctl(epoll, EPOLL_CTL_ADD, again, &event));
    must("send", send_to(again, "y", 1, local_addr(again)));
    show("wait", epoll_wait(epoll, &event, 1, T_TIMEOUT_MS));
    show("its number", (long)event.data.u32);
    return 0;
}
