/* One server socket distinguishes its clients by address. */
#include "t.h"

int main(void) {
    int server = udp_bound(AF_INET), clients[8];
    for (int i = 0; i < 8; i++) {
        clients[i] = udp_bound(AF_INET);
        char name = (char)('a' + i);
        must("sendto", send_to(clients[i], &name, 1, local_addr(server)));
    }
    for (int i = 0; i < 8; i++) {
        char name;
        struct addr from;
        memset(&from, 0, sizeof from);
        from.len = sizeof from.storage;
        must("recvfrom", recvfrom(server, &name, 1, 0, &from.sa, &from.len));
        must("sendto", send_to(server, &name, 1, from));
    }
    for (int i = 0; i < 8; i++) {
        char answer[4];
        show_data("client recv", recv(clients[i], answer, sizeof answer, 0), answer);
    }
    return 0;
}
