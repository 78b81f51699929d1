/* TCP keeps no message boundaries: two sends are one recv, one send is many. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[32];
    show("send", send(pair[0], "ab", 2, MSG_NOSIGNAL));
    show("send", send(pair[0], "cdef", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 6);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    show("send", send(pair[0], "123456", 6, MSG_NOSIGNAL));
    wait_bytes(pair[1], 6);
    show_data("recv", recv(pair[1], buffer, 1, 0), buffer);
    show_data("recv", recv(pair[1], buffer, 2, 0), buffer);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
