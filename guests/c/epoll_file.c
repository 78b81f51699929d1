/* A file cannot be watched by an epoll, a closed descriptor neither. epoll_ctl(2). */
#include "t.h"
#include <sys/epoll.h>

int main(int argc, char **argv) {
    scratch(argc, argv);
    int epoll = (int)must("epoll_create1", epoll_create1(0));
    int file = (int)must("open", open(scratch_path("file"), O_RDWR | O_CREAT, 0600));
    struct epoll_event event = {.events = EPOLLIN};
    show("add a file", epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event));
    show("delete it", epoll_ctl(epoll, EPOLL_CTL_DEL, file, NULL));
    show("to a file", epoll_ctl(file, EPOLL_CTL_ADD, epoll, &event));
    show("a file to a file", epoll_ctl(file, EPOLL_CTL_ADD, file, &event));
    close(file);
    show("add a closed file", epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event));
    show("wait with a closed one", epoll_wait(9999, &event, 1, 0));
    return 0;
}
