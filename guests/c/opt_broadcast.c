/* SO_BROADCAST on UDP; Linux takes it on TCP as well. socket(7). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    show_option("fresh", fd, SOL_SOCKET, SO_BROADCAST);
    show("set 1", set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
    show_option("get", fd, SOL_SOCKET, SO_BROADCAST);
    show("set 0", set_int(fd, SOL_SOCKET, SO_BROADCAST, 0));
    show_option("get", fd, SOL_SOCKET, SO_BROADCAST);
    fd = tcp(AF_INET);
    show("TCP set 1", set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
    show_option("TCP get", fd, SOL_SOCKET, SO_BROADCAST);
    return 0;
}
