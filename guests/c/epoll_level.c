/* Level-triggered epoll: what is ready is reported until it is not ready any more. epoll(7). */
#include "t.h"
#include <sys/epoll.h>

static void wait_now(const char *what, int epoll) {
    struct epoll_event events[4];
    int count = epoll_wait(epoll, events, 4, 0);
    printf("%s: %d", what, count);
    for (int i = 0; i < count; i++)
        printf("%s%s%s%s", events[i].events & EPOLLIN ? " in" : "", events[i].events & EPOLLOUT ? " out" : "",
               events[i].events & EPOLLHUP ? " hup" : "", events[i].events & EPOLLRDHUP ? " rdhup" : "");
    printf("\n");
}

int main(void) {
    int pair[2], epoll = show_fd("epoll_create1", epoll_create1(EPOLL_CLOEXEC));
    char buffer[8];
    tcp_pair(AF_INET, pair);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdef0ull};
    show("add", epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event));
    show("add again", epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event));
    wait_now("nothing", epoll);
    must("send", send(pair[0], "abcd", 4, MSG_NOSIGNAL));
    wait_readable(pair[1]);
    struct epoll_event got = {0};
    show("wait", epoll_wait(epoll, &got, 1, T_TIMEOUT_MS));
    fact("the data came back", got.data.u64 == event.data.u64);
    fact("and no event that was not asked for", got.events == EPOLLIN);
    show_data("recv", recv(pair[1], buffer, 2, 0), buffer);
    wait_now("half read", epoll);
    show_data("recv", recv(pair[1], buffer, 2, 0), buffer);
    wait_now("all read", epoll);
    event.events = EPOLLIN | EPOLLOUT;
    show("modify", epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &event));
    wait_now("writable", epoll);
    wait_now("still", epoll);
    event.events = EPOLLIN | EPOLLRDHUP;
    show("modify", epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &event));
    must("shutdown", shutdown(pair[0], SHUT_WR));
    wait_readable(pair[1]);
    wait_now("half closed", epoll);
    show("delete", epoll_ctl(epoll, EPOLL_CTL_DEL, pair[1], NULL));
    wait_now("deleted", epoll);
    show("delete again", epoll_ctl(epoll, EPOLL_CTL_DEL, pair[1], NULL));
    show("close", close(epoll));
    return 0;
}
