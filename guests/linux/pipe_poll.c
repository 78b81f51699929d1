/* A pipe among sockets: polled with them, and its ends. pipe(2), pipe(7). */
#include "../c/t.h"
#include <signal.h>

int main(void) {
    int ends[2], socket = udp_bound(AF_INET);
    char buffer[8];
    signal(SIGPIPE, SIG_IGN);
    show("pipe", pipe(ends));
    struct pollfd both[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = socket, .events = POLLIN}};
    show("poll", poll(both, 2, 0));
    show("write", write(ends[1], "abc", 3));
    show("poll", poll(both, 2, T_TIMEOUT_MS));
    show_revents("the pipe", both[0].revents);
    show_revents("the socket", both[1].revents);
    must("send", send_to(socket, "x", 1, local_addr(socket)));
    wait_readable(socket);
    show("poll", poll(both, 2, T_TIMEOUT_MS));
    show_data("read", read(ends[0], buffer, sizeof buffer), buffer);
    close(ends[1]);
    show("the end", read(ends[0], buffer, sizeof buffer));
    show("pipe2", pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    show("read", read(ends[0], buffer, sizeof buffer));
    show("send", send(ends[1], "x", 1, 0));
    close(ends[0]);
    show("write", write(ends[1], "x", 1));
    return 0;
}
