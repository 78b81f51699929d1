/* Calls with no bytes: send and write give 0 and send nothing; read gives 0 at once; recv of 0 bytes does not take
 * data, and on Linux it waits for some. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[8];
    show("send 0", send(pair[0], "x", 0, MSG_NOSIGNAL));
    show("write 0", write(pair[0], "x", 0));
    set_nonblocking(pair[1], 1);
    show_poll("the peer", pair[1]);
    show("read 0, no data", read(pair[1], buffer, 0));
    show("recv 0, no data", recv(pair[1], buffer, 0, 0));
    must("send", send(pair[0], "data", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    show("read 0", read(pair[1], buffer, 0));
    show("recv 0", recv(pair[1], buffer, 0, 0));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show("send 0 after SHUT_WR", send(pair[0], "x", 0, MSG_NOSIGNAL));
    return 0;
}
