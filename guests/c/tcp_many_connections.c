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
    /* The accepting ends speak first: a browser shows bytes before an early end only where its own end has sent. */
    for (int i = COUNT - 1; i >= 0; i--) must("send", send(servers[i], &i, sizeof i, MSG_NOSIGNAL));
    int right = 0;
    for (int i = 0; i < COUNT; i++) {
        int value = -1;
        must("receive", recv(clients[i], &value, sizeof value, MSG_WAITALL));
        must("answer", send(clients[i], &value, sizeof value, MSG_NOSIGNAL));
        int answer = -1;
        if (recv(servers[i], &answer, sizeof answer, MSG_WAITALL) == sizeof answer && value == i && answer == i) right++;
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
