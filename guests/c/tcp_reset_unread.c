/* Closing a socket that has unread data resets the connection. RFC 2525 2.17; Linux tcp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[0], "unread", 6, MSG_NOSIGNAL));
    wait_bytes(pair[1], 6);
    show("close", close(pair[1]));
    wait_readable(pair[0]);
    char byte;
    show("recv", recv(pair[0], &byte, 1, 0));
    return 0;
}
