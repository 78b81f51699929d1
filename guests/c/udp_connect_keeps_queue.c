/* Datagrams that came before connect stay in the queue, from any sender. udp(7). */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET), peer = udp_bound(AF_INET), stranger = udp_bound(AF_INET);
    must("sendto", send_to(stranger, "early", 5, local_addr(fd)));
    wait_readable(fd);
    show("connect", connect_to(fd, local_addr(peer)));
    char buffer[16];
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(fd, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    fact("from the stranger", same_addr(from, local_addr(stranger)));
    return 0;
}
