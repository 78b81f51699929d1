/* Both directions ended: POLLHUP. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    must("shutdown", shutdown(pair[1], SHUT_WR));
    wait_all(pair[0], POLLIN | POLLOUT, POLLHUP);
    show_poll("both directions ended", pair[0]);
    show_revents("no events asked for", revents_now(pair[0], 0, T_TIMEOUT_MS));
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_RDWR));
    show_poll("after SHUT_RDWR", pair[0]);
    return 0;
}
