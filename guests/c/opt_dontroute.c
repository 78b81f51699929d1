/* SO_DONTROUTE. socket(7). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    show_option("fresh", fd, SOL_SOCKET, SO_DONTROUTE);
    show("set 1", set_int(fd, SOL_SOCKET, SO_DONTROUTE, 1));
    show_option("get", fd, SOL_SOCKET, SO_DONTROUTE);
    show("set 0", set_int(fd, SOL_SOCKET, SO_DONTROUTE, 0));
    show_option("get", fd, SOL_SOCKET, SO_DONTROUTE);
    return 0;
}
