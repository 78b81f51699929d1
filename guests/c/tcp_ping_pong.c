/* A thousand small messages there and back, in order, with TCP_NODELAY. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("TCP_NODELAY", set_int(pair[0], IPPROTO_TCP, TCP_NODELAY, 1));
    must("TCP_NODELAY", set_int(pair[1], IPPROTO_TCP, TCP_NODELAY, 1));
    int right = 0;
    for (int i = 0; i < 1000; i++) {
        int message = i, echoed = -1;
        must("send", send(pair[0], &message, sizeof message, MSG_NOSIGNAL));
        must("server recv", recv_all(pair[1], &echoed, sizeof echoed));
        echoed++;
        must("server send", send(pair[1], &echoed, sizeof echoed, MSG_NOSIGNAL));
        must("recv", recv_all(pair[0], &message, sizeof message));
        if (message == i + 1) right++;
    }
    show("round trips", right);
    return 0;
}
