/* Readiness is a level: poll says it again and again until the data is taken. poll(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[1], "ab", 2, MSG_NOSIGNAL));
    wait_bytes(pair[0], 2);
    char byte;
    for (int i = 0; i < 3; i++) show_poll("untouched", pair[0]);
    must("recv", recv(pair[0], &byte, 1, MSG_PEEK));
    show_poll("peeked", pair[0]);
    must("recv", recv(pair[0], &byte, 1, 0));
    show_poll("one byte taken", pair[0]);
    must("recv", recv(pair[0], &byte, 1, 0));
    show_poll("both taken", pair[0]);
    return 0;
}
