/* One descriptor may be in the array twice, each entry with its own events. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct pollfd p[3] = {
        {.fd = pair[0], .events = POLLIN}, {.fd = pair[0], .events = POLLOUT}, {.fd = pair[0], .events = POLLIN}};
    show("poll", poll(p, 3, T_TIMEOUT_MS));
    show_revents("POLLIN", p[0].revents);
    show_revents("POLLOUT", p[1].revents);
    must("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    wait_readable(pair[0]);
    show("poll with data there", poll(p, 3, T_TIMEOUT_MS));
    show_revents("POLLIN", p[0].revents);
    show_revents("POLLOUT", p[1].revents);
    show_revents("POLLIN", p[2].revents);
    return 0;
}
