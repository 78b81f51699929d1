/* SO_OOBINLINE. socket(7). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show_option("fresh", fd, SOL_SOCKET, SO_OOBINLINE);
    show("set 1", set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1));
    show_option("get", fd, SOL_SOCKET, SO_OOBINLINE);
    show("set 0", set_int(fd, SOL_SOCKET, SO_OOBINLINE, 0));
    show_option("get", fd, SOL_SOCKET, SO_OOBINLINE);
    return 0;
}
