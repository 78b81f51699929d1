/* close with SO_LINGER and a time waits for the data to be taken over by the peer's host: on loopback at once. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct linger l = {.l_onoff = 1, .l_linger = 5};
    must("setsockopt", setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &l, sizeof l));
    must("send", send(pair[0], "kept", 4, MSG_NOSIGNAL));
    must("shutdown", shutdown(pair[1], SHUT_WR));
    show("close", close(pair[0]));
    char buffer[8];
    show_data("recv", recv_all(pair[1], buffer, sizeof buffer), buffer);
    return 0;
}
