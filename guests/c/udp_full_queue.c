/* A receive queue that is full drops datagrams; the sender sees no error, and what was queued stays in order. udp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    must("SO_RCVBUF", set_int(pair[1], SOL_SOCKET, SO_RCVBUF, 4096));
    static char datagram[1000];
    int failed = 0;
    for (int i = 0; i < 200; i++) {
        memcpy(datagram, &i, sizeof i);
        if (send(pair[0], datagram, sizeof datagram, 0) != sizeof datagram) failed++;
    }
    show("sends that failed", failed);
    int count = 0, ordered = 1, last = -1;
    wait_readable(pair[1]);
    while (recv(pair[1], datagram, sizeof datagram, MSG_DONTWAIT) == sizeof datagram) {
        int number;
        memcpy(&number, datagram, sizeof number);
        ordered = ordered && number > last;
        last = number;
        count++;
    }
    fact("some arrived", count > 0);
    fact("some were dropped", count < 200);
    fact("in order", ordered);
    show_so_error(pair[1]);
    return 0;
}
