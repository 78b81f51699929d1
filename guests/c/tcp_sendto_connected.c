/* On a connected TCP socket sendto takes an address and Linux ignores it, whatever it is. POSIX leaves it open
 * (EISCONN or ignored). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    show("sendto the peer", send_to(pair[0], "a", 1, peer_addr(pair[0])));
    show("sendto elsewhere", send_to(pair[0], "b", 1, refusing_addr(AF_INET)));
    wait_bytes(pair[1], 2);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("sendto NULL", sendto(pair[0], "c", 1, MSG_NOSIGNAL, NULL, 0));
    wait_bytes(pair[1], 1);
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(pair[1], buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show_addr("recvfrom's address", from);
    return 0;
}
