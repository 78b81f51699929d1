/* Closing a listener resets the connections that were not accepted, and later ones are refused. listen(2), tcp(7). */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    struct addr a = local_addr(listener);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, a));
    wait_readable(listener);
    show("close", close(listener));
    wait_readable(client);
    char byte;
    show("recv", recv(client, &byte, 1, 0));
    show("send", send(client, "x", 1, MSG_NOSIGNAL));
    int late = tcp(AF_INET);
    show("connect", connect_to(late, a));
    return 0;
}
