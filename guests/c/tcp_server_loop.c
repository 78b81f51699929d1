/* A poll server and its clients in one loop: accept, echo, close, until every client has its answer. */
#include "t.h"

#define CLIENTS 20

int main(void) {
    int listener = tcp_listener(AF_INET);
    set_nonblocking(listener, 1);
    static struct pollfd p[1 + 2 * CLIENTS];
    char names[CLIENTS];
    int count = 1, answers = 0, ends = 0;
    p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < CLIENTS; i++) {
        int fd = tcp(AF_INET);
        set_nonblocking(fd, 1);
        if (connect_to(fd, local_addr(listener)) < 0 && errno != EINPROGRESS) must("connect", -1);
        p[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    }
    while (answers < CLIENTS || ends < CLIENTS) {
        if (must("poll", poll(p, (nfds_t)count, T_TIMEOUT_MS)) == 0) {
            printf("stuck\n");
            return 1;
        }
        if (p[0].revents & POLLIN) {
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd >= 0) p[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        for (int i = 1; i < count; i++) {
            if (p[i].revents == 0) continue;
            char byte;
            if (i <= CLIENTS && p[i].events == POLLOUT) {
                names[i - 1] = (char)('a' + i - 1);
                must("send", send(p[i].fd, &names[i - 1], 1, MSG_NOSIGNAL));
                p[i].events = POLLIN;
            } else if (i <= CLIENTS) {
                if (must("recv", recv(p[i].fd, &byte, 1, 0)) == 1 && byte == names[i - 1]) answers++;
                close(p[i].fd);
                p[i] = (struct pollfd){.fd = -1};
            } else if (must("server recv", recv(p[i].fd, &byte, 1, 0)) == 1) {
                must("server send", send(p[i].fd, &byte, 1, MSG_NOSIGNAL));
            } else {
                ends++;
                close(p[i].fd);
                p[i] = (struct pollfd){.fd = -1};
            }
        }
    }
    show("answers", answers);
    show("ends", ends);
    return 0;
}
