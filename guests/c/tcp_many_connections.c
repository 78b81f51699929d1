/* Two hundred connections at once, each with its own data. */
#include "t.h"

#define COUNT 200

int main(void) {
    int listener = tcp_listener(AF_INET);
    static int clients[COUNT], servers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        clients[i] = tcp(AF_INET);
        must("connect", connect_to(clients[i], local_addr(listener)));
        servers[i] = accept_one(listener);
    }
    for (int i = COUNT - 1; i >= 0; i--) must("send", send(clients[i], &i, sizeof i, MSG_NOSIGNAL));
    int right = 0;
    for (int i = 0; i < COUNT; i++) {
        int value = -1;
        if (recv(servers[i], &value, sizeof value, MSG_WAITALL) == sizeof value && value == i) right++;
    }
    show("connections that got their own data", right);
    int closed = 0;
    for (int i = 0; i < COUNT; i++) {
        close(clients[i]);
        char byte;
        if (recv(servers[i], &byte, 1, 0) == 0) closed++;
    }
    show("connections that saw the end", closed);
    return 0;
}
