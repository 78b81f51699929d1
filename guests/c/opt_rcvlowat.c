/* SO_RCVLOWAT: 1 at first, 0 means 1; poll does not call a socket readable with less there. socket(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    show_option("fresh", pair[1], SOL_SOCKET, SO_RCVLOWAT);
    show("set 0", set_int(pair[1], SOL_SOCKET, SO_RCVLOWAT, 0));
    show_option("get", pair[1], SOL_SOCKET, SO_RCVLOWAT);
    must("send", send(pair[0], "abc", 3, MSG_NOSIGNAL));
    wait_bytes(pair[1], 3);
    show("set 4", set_int(pair[1], SOL_SOCKET, SO_RCVLOWAT, 4));
    show_option("get", pair[1], SOL_SOCKET, SO_RCVLOWAT);
    show_revents("poll with 3 bytes there", revents_now(pair[1], POLLIN, 0));
    show_data("recv takes them all the same", recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT), buffer);
    must("send", send(pair[0], "defg", 4, MSG_NOSIGNAL));
    show_revents("poll with 4 bytes there", wait_readable(pair[1]));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    must("send", send(pair[0], "h", 1, MSG_NOSIGNAL));
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show_revents("poll at the end", wait_readable(pair[1]));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
