/* An epoll in an epoll: the outer one reports the inner one while that has something to report. Not in itself, not in a circle, and
 * at most five of them in a row. epoll(7), epoll_ctl(2). */
#include "t.h"
#include <sys/epoll.h>

static int created(void) { return (int)must("epoll_create1", epoll_create1(0)); }

static int add(int epoll, int fd, uint32_t data) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = data};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void wait_now(const char *what, int epoll) {
    struct epoll_event event = {0};
    int count = epoll_wait(epoll, &event, 1, 0);
    printf("%s: %d, %u\n", what, count, (unsigned)event.data.u32);
}

int main(void) {
    int outer = created(), inner = created(), fd = udp_bound(AF_INET);
    char byte;
    show("the socket in the inner one", add(inner, fd, 1));
    show("the inner one in the outer one", add(outer, inner, 2));
    show("the outer one in the inner one", add(inner, outer, 3));
    show("twice", add(outer, inner, 4));
    wait_now("nothing", outer);
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    wait_readable(fd);
    wait_now("outer", outer);
    wait_now("inner", inner);
    must("recv", recv(fd, &byte, 1, 0));
    wait_now("received, outer", outer);
    must("send", send_to(fd, "y", 1, local_addr(fd)));
    wait_readable(fd);
    close(inner);
    wait_now("closed, outer", outer);

    int row[6];
    row[0] = created();
    show("a socket", add(row[0], fd, 0));
    for (int i = 1; i < 6; i++) {
        row[i] = created();
        printf("%d in a row: ", i + 1);
        show("add", add(row[i], row[i - 1], (uint32_t)i));
    }
    wait_now("the longest row", row[4]);
    return 0;
}
