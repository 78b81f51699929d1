/* A socket whose buffers are full is not writable until the peer has taken data. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("SO_SNDBUF", set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 65536));
    set_nonblocking(pair[0], 1);
    static char chunk[65536];
    do
        while (send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL) > 0) continue;
    while (revents_now(pair[0], POLLOUT, 100));
    show_poll("full", pair[0]);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    while (must("recv", recv(pair[1], chunk, sizeof chunk, 0)) > 0) continue;
    show_revents("drained", wait_all(pair[0], POLLOUT, POLLOUT));
    return 0;
}
