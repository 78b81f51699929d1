/* What epoll refuses, and with which errno. epoll_ctl(2), epoll_wait(2). */
#include "t.h"
#include <sys/epoll.h>

int main(int argc, char **argv) {
    scratch(argc, argv);
    int epoll = (int)must("epoll_create1", epoll_create1(0)), fd = udp_bound(AF_INET);
    struct epoll_event event = {.events = EPOLLIN};
    show("epoll_create(0)", epoll_create(0));
    show("epoll_create1(1)", epoll_create1(1));
    show("modify what is not there", epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
    show("add itself", epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event));
    show("add a bad descriptor", epoll_ctl(epoll, EPOLL_CTL_ADD, 9999, &event));
    show("to a bad descriptor", epoll_ctl(9999, EPOLL_CTL_ADD, fd, &event));
    show("to a socket", epoll_ctl(fd, EPOLL_CTL_ADD, epoll, &event));
    show("an unknown operation", epoll_ctl(epoll, 99, fd, &event));
    show("room for 0", epoll_wait(epoll, &event, 0, 0));
    volatile int less = -1; /* the compiler refuses it otherwise */
    show("room for -1", epoll_wait(epoll, &event, less, 0));
    show("wait on a socket", epoll_wait(fd, &event, 1, 0));
    show("wait on a bad descriptor", epoll_wait(9999, &event, 1, 0));
    show("read", read(epoll, &event, 1));
    return 0;
}
