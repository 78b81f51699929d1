/* shutdown of an end that is shut already, and of a connection that is over on both sides. shutdown(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    show("SHUT_WR", shutdown(pair[0], SHUT_WR));
    show("SHUT_WR again", shutdown(pair[0], SHUT_WR));
    show("SHUT_RD", shutdown(pair[0], SHUT_RD));
    show("SHUT_RDWR", shutdown(pair[0], SHUT_RDWR));
    char byte;
    show("the peer's recv", recv(pair[1], &byte, 1, 0));
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_readable(pair[0]);
    show("recv", recv(pair[0], &byte, 1, 0));
    show("SHUT_WR after a reset", shutdown(pair[0], SHUT_WR));
    return 0;
}
