/* Edge-triggered epoll: an arrival is reported once, whatever was read of it. epoll(7). */
#include "t.h"
#include <sys/epoll.h>

static int epoll;

static void wait_now(const char *what) {
    struct epoll_event event;
    printf("%s: %d\n", what, epoll_wait(epoll, &event, 1, 0));
}

int main(void) {
    int pair[2];
    char buffer[8];
    tcp_pair(AF_INET, pair);
    epoll = (int)must("epoll_create1", epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    show("add", epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event));
    wait_now("nothing");
    must("send", send(pair[0], "abcd", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    wait_now("arrived");
    wait_now("reported already");
    show_data("recv", recv(pair[1], buffer, 2, 0), buffer);
    wait_now("half read");
    must("send", send(pair[0], "ef", 2, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    wait_now("more arrived");
    wait_now("reported already");
    show("modify", epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &event));
    wait_now("armed anew");
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    wait_now("empty");
    must("shutdown", shutdown(pair[0], SHUT_WR));
    wait_readable(pair[1]);
    wait_now("the end");
    wait_now("reported already");
    return 0;
}
