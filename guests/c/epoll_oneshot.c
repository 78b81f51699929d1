/* EPOLLONESHOT: after one report the descriptor is silent until it is armed again. epoll_ctl(2). */
#include "t.h"
#include <sys/epoll.h>

int main(void) {
    int pair[2], epoll = (int)must("epoll_create1", epoll_create1(0));
    udp_pair(AF_INET, pair);
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = 7}, got = {0};
    show("add", epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event));
    must("send", send(pair[0], "a", 1, 0));
    wait_readable(pair[1]);
    show("wait", epoll_wait(epoll, &got, 1, T_TIMEOUT_MS));
    show("its number", (long)got.data.u32);
    must("send", send(pair[0], "b", 1, 0));
    wait_readable(pair[1]);
    show("silent", epoll_wait(epoll, &got, 1, 0));
    event.data.u32 = 8;
    show("arm", epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &event));
    show("wait", epoll_wait(epoll, &got, 1, T_TIMEOUT_MS));
    show("its number", (long)got.data.u32);
    show("silent", epoll_wait(epoll, &got, 1, 0));
    return 0;
}
