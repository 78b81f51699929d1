/* MSG_WAITALL with SO_RCVTIMEO gives what came before the time was over. recv(2), socket(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    struct timeval time = {.tv_sec = 0, .tv_usec = 50000};
    must("SO_RCVTIMEO", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    must("send", send(pair[0], "part", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    show_data("recv", recv(pair[1], buffer, 10, MSG_WAITALL), buffer);
    show_data("recv", recv(pair[1], buffer, 10, MSG_WAITALL), buffer);
    return 0;
}
