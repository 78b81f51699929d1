/* app_block CALL: prints "blocking in CALL" and blocks in it for ever; for tests of --timeout and Ctrl-C. CALL is
 * accept, recv, recvfrom, send, connect, poll, select, or stdin. */
#include "t.h"

int main(int argc, char **argv) {
    const char *call = argc == 2 ? argv[1] : "";
    char byte;
    int pair[2];
    static char chunk[65536];
    if (strcmp(call, "accept") == 0) {
        int listener = tcp_listener(AF_INET);
        printf("blocking in accept\n");
        show_fd("accept", accept(listener, NULL, NULL));
    } else if (strcmp(call, "recv") == 0) {
        tcp_pair(AF_INET, pair);
        printf("blocking in recv\n");
        show("recv", recv(pair[0], &byte, 1, 0));
    } else if (strcmp(call, "recvfrom") == 0) {
        int fd = udp_bound(AF_INET);
        printf("blocking in recvfrom\n");
        show("recvfrom", recvfrom(fd, &byte, 1, 0, NULL, NULL));
    } else if (strcmp(call, "send") == 0) {
        tcp_pair(AF_INET, pair);
        printf("blocking in send\n");
        while (send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL) > 0) continue;
        show("send", -1);
    } else if (strcmp(call, "connect") == 0) {
        int listener = tcp(AF_INET), first = tcp(AF_INET), second = tcp(AF_INET);
        must("bind", bind_to(listener, loopback(AF_INET, 0)));
        must("listen", listen(listener, 0));
        must("connect", connect_to(first, local_addr(listener)));
        wait_readable(listener);
        printf("blocking in connect\n"); /* the listener's queue is full */
        show("connect", connect_to(second, local_addr(listener)));
    } else if (strcmp(call, "poll") == 0) {
        struct pollfd p = {.fd = udp_bound(AF_INET), .events = POLLIN};
        printf("blocking in poll\n");
        show("poll", poll(&p, 1, -1));
    } else if (strcmp(call, "select") == 0) {
        int fd = udp_bound(AF_INET);
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        printf("blocking in select\n");
        show("select", select(fd + 1, &readable, NULL, NULL, NULL));
    } else if (strcmp(call, "stdin") == 0) {
        printf("blocking in stdin\n");
        show("read", read(0, &byte, 1));
    } else {
        fprintf(stderr, "usage: %s accept|recv|recvfrom|send|connect|poll|select|stdin\n", argv[0]);
        return 2;
    }
    return 0;
}
