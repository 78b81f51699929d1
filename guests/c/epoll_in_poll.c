/* An epoll descriptor can itself be polled: it is readable while it has something to report. epoll(7). */
#include "t.h"
#include <sys/epoll.h>

int main(void) {
    int inner = (int)must("epoll_create1", epoll_create1(0)), fd = udp_bound(AF_INET);
    struct epoll_event event = {.events = EPOLLIN};
    char byte;
    must("add", epoll_ctl(inner, EPOLL_CTL_ADD, fd, &event));
    show_revents("nothing", revents_now(inner, POLLIN, 0));
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    show_revents("something", revents_now(inner, POLLIN, T_TIMEOUT_MS));
    must("recv", recv(fd, &byte, 1, 0));
    show_revents("nothing", revents_now(inner, POLLIN, 0));
    return 0;
}
