/* Two thousand sockets one after the other: none is left behind. */
#include "t.h"

int main(void) {
    int first = tcp(AF_INET);
    close(first);
    int same = 0;
    for (int i = 0; i < 2000; i++) {
        int fd = (int)must("socket", socket(i % 2 ? AF_INET6 : AF_INET, i % 3 ? SOCK_STREAM : SOCK_DGRAM, 0));
        if (fd == first) same++;
        if (i % 5 == 0) must("bind", bind_to(fd, loopback(i % 2 ? AF_INET6 : AF_INET, 0)));
        must("close", close(fd));
    }
    show("sockets with the first one's number", same);
    return 0;
}
