/* MSG_WAITALL means nothing for datagrams: one recv, one datagram. recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    char buffer[16];
    must("send", send(pair[0], "ab", 2, 0));
    must("send", send(pair[0], "cd", 2, 0));
    show_data("recv MSG_WAITALL", recv(pair[1], buffer, sizeof buffer, MSG_WAITALL), buffer);
    show_data("recv MSG_WAITALL", recv(pair[1], buffer, sizeof buffer, MSG_WAITALL), buffer);
    return 0;
}
