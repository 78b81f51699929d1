/* MSG_PEEK with MSG_WAITALL waits for all of it, and leaves it; with SO_RCVTIMEO it gives what is there when the time is over.
 * recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[16];
    struct timeval time = {.tv_sec = 0, .tv_usec = 50000};
    must("SO_RCVTIMEO", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    must("send", send(pair[0], "part", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    show_data("peek 10", recv(pair[1], buffer, 10, MSG_PEEK | MSG_WAITALL), buffer);
    must("send", send(pair[0], " and more", 9, MSG_NOSIGNAL));
    wait_bytes(pair[1], 13);
    show_data("peek 10", recv(pair[1], buffer, 10, MSG_PEEK | MSG_WAITALL), buffer);
    must("shutdown", shutdown(pair[0], SHUT_RDWR));
    show_data("peek 16", recv(pair[1], buffer, 16, MSG_PEEK | MSG_WAITALL), buffer);
    show_data("recv", recv(pair[1], buffer, 16, 0), buffer);
    return 0;
}
