/* MSG_WAITALL: all of the bytes asked for, or what there is before the end or when the socket may not block. recv(2).
 */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    must("send", send(pair[0], "abc", 3, MSG_NOSIGNAL));
    must("send", send(pair[0], "defgh", 5, MSG_NOSIGNAL));
    show_data("6 of 8", recv(pair[1], buffer, 6, MSG_WAITALL), buffer);
    set_nonblocking(pair[1], 1);
    wait_bytes(pair[1], 2);
    show_data("non-blocking", recv(pair[1], buffer, 6, MSG_WAITALL), buffer);
    show("non-blocking, nothing there", recv(pair[1], buffer, 6, MSG_WAITALL));
    set_nonblocking(pair[1], 0);
    must("send", send(pair[0], "xyz", 3, MSG_NOSIGNAL));
    show_data("peek", recv(pair[1], buffer, 3, MSG_WAITALL | MSG_PEEK), buffer);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show_data("before the end", recv(pair[1], buffer, 6, MSG_WAITALL), buffer);
    show("at the end", recv(pair[1], buffer, 6, MSG_WAITALL));
    return 0;
}
