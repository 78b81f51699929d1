/* Options that cannot be set. socket(7): ENOPROTOOPT. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("set SO_TYPE", set_int(fd, SOL_SOCKET, SO_TYPE, 1));
    show("set SO_ERROR", set_int(fd, SOL_SOCKET, SO_ERROR, 0));
    show("set SO_ACCEPTCONN", set_int(fd, SOL_SOCKET, SO_ACCEPTCONN, 1));
    fact("still a stream", int_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    show_option("still not listening", fd, SOL_SOCKET, SO_ACCEPTCONN);
    return 0;
}
