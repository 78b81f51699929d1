/* The own SHUT_WR leaves a socket writable: a send would not block, it fails. SHUT_RD makes it readable. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show_poll("after SHUT_WR", pair[0]);
    wait_readable(pair[1]);
    show_poll("the peer", pair[1]);
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_RD));
    show_poll("after SHUT_RD", pair[0]);
    show_poll("the peer", pair[1]);
    return 0;
}
