/* poll's time: 0 does not wait, more waits at least that long, and readiness ends it early. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    struct pollfd p = {.fd = pair[0], .events = POLLIN};
    long before = now_ms();
    show("0 ms", poll(&p, 1, 0));
    show_revents("revents", p.revents);
    fact("soon", now_ms() - before < 5000);
    before = now_ms();
    show("50 ms", poll(&p, 1, 50));
    fact("waited at least the time", now_ms() - before >= 49);
    before = now_ms();
    show("no descriptors, 30 ms", poll(NULL, 0, 30));
    fact("waited at least the time", now_ms() - before >= 29);
    must("send", send(pair[1], "x", 1, 0));
    before = now_ms();
    show("a datagram, one minute", poll(&p, 1, 60000));
    fact("did not wait", now_ms() - before < 5000);
    show("a datagram, no limit", poll(&p, 1, -1));
    show_revents("revents", p.revents);
    return 0;
}
