/* select reports readable and writable sockets, and no others. select(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    int listener = tcp_listener(AF_INET);
    must("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    wait_readable(pair[1]);
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    for (int i = 0; i < 2; i++) {
        FD_SET(pair[i], &readable);
        FD_SET(pair[i], &writable);
    }
    FD_SET(listener, &readable);
    int top = listener > pair[1] ? listener : pair[1];
    top = pair[0] > top ? pair[0] : top;
    struct timeval time = {.tv_sec = 10};
    show("select", select(top + 1, &readable, &writable, NULL, &time));
    fact("first readable", FD_ISSET(pair[0], &readable));
    fact("second readable", FD_ISSET(pair[1], &readable));
    fact("first writable", FD_ISSET(pair[0], &writable));
    fact("second writable", FD_ISSET(pair[1], &writable));
    fact("listener readable", FD_ISSET(listener, &readable));
    int fd = tcp(AF_INET);
    must("connect", connect_to(fd, local_addr(listener)));
    FD_ZERO(&readable);
    FD_SET(listener, &readable);
    time = (struct timeval){.tv_sec = 10};
    show("select", select(listener + 1, &readable, NULL, NULL, &time));
    fact("listener readable", FD_ISSET(listener, &readable));
    return 0;
}
