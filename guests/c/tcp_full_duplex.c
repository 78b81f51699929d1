/* Both directions carry data at the same time and do not disturb each other. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[64];
    for (int i = 0; i < 3; i++) {
        show("client send", send(pair[0], "to the server;", 14, MSG_NOSIGNAL));
        show("server send", send(pair[1], "to the client;", 14, MSG_NOSIGNAL));
    }
    wait_bytes(pair[0], 42);
    wait_bytes(pair[1], 42);
    show_data("client recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show_data("server recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
