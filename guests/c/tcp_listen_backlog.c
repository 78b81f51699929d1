/* A backlog of zero and one below zero are accepted. Linux listen(2): it is taken as unsigned and capped. */
#include "t.h"

int main(void) {
    int backlogs[] = {0, -1, 1, INT_MAX};
    for (int i = 0; i < 4; i++) {
        int listener = tcp(AF_INET);
        must("bind", bind_to(listener, loopback(AF_INET, 0)));
        printf("backlog %s\n", i == 0 ? "0" : i == 1 ? "-1" : i == 2 ? "1" : "INT_MAX");
        show("listen", listen(listener, backlogs[i]));
        int fd = tcp(AF_INET);
        show("connect", connect_to(fd, local_addr(listener)));
        show_fd("accept", accept(listener, NULL, NULL));
        close(fd);
        close(listener);
    }
    return 0;
}
