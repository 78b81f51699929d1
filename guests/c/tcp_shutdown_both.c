/* shutdown(SHUT_RDWR): the end for both sides, while the descriptor stays open. shutdown(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[8];
    show("send", send(pair[0], "last", 4, MSG_NOSIGNAL));
    show("SHUT_RDWR", shutdown(pair[0], SHUT_RDWR));
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    show("recv", recv(pair[0], buffer, sizeof buffer, 0));
    show_data("the peer's recv", recv_all(pair[1], buffer, sizeof buffer), buffer);
    show_addr("getsockname", local_addr(pair[0]));
    show("close", close(pair[0]));
    return 0;
}
