/* A reset: POLLERR and POLLHUP and both directions; POLLERR goes with the error. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_all(pair[0], POLLIN | POLLOUT, POLLHUP);
    show_poll("reset", pair[0]);
    show_revents("no events asked for", revents_now(pair[0], 0, T_TIMEOUT_MS));
    show_so_error(pair[0]);
    show_poll("when the error is taken", pair[0]);
    return 0;
}
