/* SO_REUSEADDR: off, on and off again; any value but 0 is on. socket(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_option("fresh", fd, SOL_SOCKET, SO_REUSEADDR);
    show("set 1", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    show_option("get", fd, SOL_SOCKET, SO_REUSEADDR);
    show("set 5", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 5));
    show_option("get", fd, SOL_SOCKET, SO_REUSEADDR);
    show("set 0", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0));
    show_option("get", fd, SOL_SOCKET, SO_REUSEADDR);
    show("UDP set 1", set_int(udp(AF_INET6), SOL_SOCKET, SO_REUSEADDR, 1));
    return 0;
}
