/* O_NONBLOCK by fcntl: off at first, set, read back, cleared; a socket is open for reading and writing. fcntl(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char byte;
    int flags = fcntl(pair[0], F_GETFL, 0);
    fact("O_RDWR", (flags & O_ACCMODE) == O_RDWR);
    fact("O_NONBLOCK", flags & O_NONBLOCK);
    show("F_SETFL", fcntl(pair[0], F_SETFL, flags | O_NONBLOCK));
    fact("O_NONBLOCK", fcntl(pair[0], F_GETFL, 0) & O_NONBLOCK);
    fact("the other end", fcntl(pair[1], F_GETFL, 0) & O_NONBLOCK);
    show("recv", recv(pair[0], &byte, 1, 0));
    show("F_SETFL", fcntl(pair[0], F_SETFL, flags & ~O_NONBLOCK));
    fact("O_NONBLOCK", fcntl(pair[0], F_GETFL, 0) & O_NONBLOCK);
    must("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    show("blocking recv", recv(pair[0], &byte, 1, 0));
    return 0;
}
