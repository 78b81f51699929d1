/* Connections are accepted in the order in which they were made. */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int clients[5];
    for (int i = 0; i < 5; i++) {
        clients[i] = tcp(AF_INET);
        must("connect", connect_to(clients[i], local_addr(listener)));
        char name = (char)('a' + i);
        must("send", send(clients[i], &name, 1, MSG_NOSIGNAL));
    }
    for (int i = 0; i < 5; i++) {
        int fd = accept_one(listener);
        char name;
        show_data("recv", recv(fd, &name, 1, 0), &name);
        fact("it is the next client", same_addr(peer_addr(fd), local_addr(clients[i])));
    }
    return 0;
}
