/* close ends the number at once: closing again is EBADF, and another socket may have it. close(2). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("close", close(fd));
    show("close again", close(fd));
    int other = udp_bound(AF_INET);
    fact("another socket has the number", other == fd);
    show_addr("and is itself", local_addr(fd));
    show("close", close(fd));
    return 0;
}
