/* events 0 asks for nothing, yet errors and hang-ups are reported. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    wait_readable(pair[0]);
    struct pollfd p = {.fd = pair[0], .events = 0};
    show("poll", poll(&p, 1, 0));
    show("poll 20 ms", poll(&p, 1, 20));
    close_with_reset(pair[1]);
    show("poll when reset", poll(&p, 1, T_TIMEOUT_MS));
    fact("POLLHUP", p.revents & POLLHUP);
    fact("POLLIN", p.revents & POLLIN);
    return 0;
}
