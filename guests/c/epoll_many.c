/* One epoll for many sockets: each is reported with its own data, in as many calls as the room needs. epoll_wait(2). */
#include "t.h"
#include <sys/epoll.h>

#define COUNT 60

int main(void) {
    int epoll = (int)must("epoll_create1", epoll_create1(0)), to[COUNT], from = udp_bound(AF_INET);
    for (int i = 0; i < COUNT; i++) {
        to[i] = udp_bound(AF_INET);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        must("add", epoll_ctl(epoll, EPOLL_CTL_ADD, to[i], &event));
    }
    /* Every third gets a datagram. */
    for (int i = 0; i < COUNT; i += 3) must("send", send_to(from, "x", 1, local_addr(to[i])));
    int reported[COUNT] = {0}, total = 0, calls = 0;
    while (total < COUNT / 3) {
        struct epoll_event events[8];
        int count = (int)must("epoll_wait", epoll_wait(epoll, events, 8, T_TIMEOUT_MS));
        if (count == 0 || count > 8) break;
        calls++;
        for (int i = 0; i < count; i++) {
            char byte;
            reported[events[i].data.u32]++;
            must("recv", recv(to[events[i].data.u32], &byte, 1, 0));
        }
        total += count;
    }
    int right = 1;
    for (int i = 0; i < COUNT; i++) right &= reported[i] == (i % 3 == 0);
    show("reported", total);
    fact("each once, and no other", right);
    fact("in several calls", calls >= 3);
    struct epoll_event event;
    show("nothing is left", epoll_wait(epoll, &event, 1, 0));
    return 0;
}
