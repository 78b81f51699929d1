/* recv does not wait for a whole buffer: what is there is given. recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    static char buffer[100000];
    must("send", send(pair[0], "little", 6, MSG_NOSIGNAL));
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    struct timeval time = {.tv_sec = 0, .tv_usec = 20000};
    must("SO_RCVTIMEO", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    show("recv with nothing there", recv(pair[1], buffer, sizeof buffer, 0));
    return 0;
}
