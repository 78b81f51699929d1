/* Two hundred pairs in one poll: those with data are reported, all of them and no others. poll(2). */
#include "t.h"

#define COUNT 200
static struct pollfd p[2 * COUNT];

int main(void) {
    int listener = tcp_listener(AF_INET);
    for (int i = 0; i < COUNT; i++) {
        int fd = tcp(AF_INET);
        must("connect", connect_to(fd, local_addr(listener)));
        p[i] = (struct pollfd){.fd = fd, .events = POLLIN};
        p[COUNT + i] = (struct pollfd){.fd = accept_one(listener), .events = POLLIN};
    }
    show("poll", poll(p, 2 * COUNT, 0));
    int sent = 0;
    for (int i = 0; i < COUNT; i += 7, sent++) {
        must("send", send(p[i].fd, "x", 1, MSG_NOSIGNAL));
        wait_readable(p[COUNT + i].fd);
    }
    show("sent", sent);
    show("poll", poll(p, 2 * COUNT, T_TIMEOUT_MS));
    int right = 0;
    for (int i = 0; i < COUNT; i++)
        if (p[i].revents == 0 && (p[COUNT + i].revents == POLLIN) == (i % 7 == 0)) right++;
    show("right", right);
    for (int i = 0; i < COUNT; i++) p[i].events = POLLOUT;
    show("poll for writing as well", poll(p, 2 * COUNT, T_TIMEOUT_MS));
    for (int i = 0; i < COUNT; i++) {
        char byte;
        if (p[COUNT + i].revents) must("recv", recv(p[COUNT + i].fd, &byte, 1, 0));
        p[i].events = POLLIN;
    }
    show("poll when all is taken", poll(p, 2 * COUNT, 0));
    for (int i = 0; i < COUNT; i++) close(p[i].fd);
    for (int i = 0; i < COUNT; i++) wait_readable(p[COUNT + i].fd);
    show("poll when the clients closed", poll(p + COUNT, COUNT, T_TIMEOUT_MS));
    return 0;
}
