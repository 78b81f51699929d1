/* Options and levels that do not exist. setsockopt(2): ENOPROTOOPT; getsockopt(2): ENOPROTOOPT or EOPNOTSUPP. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET), value = 0;
    socklen_t len = sizeof value;
    show("get SOL_SOCKET 9999", getsockopt(fd, SOL_SOCKET, 9999, &value, &len));
    show("set SOL_SOCKET 9999", set_int(fd, SOL_SOCKET, 9999, 1));
    show("get SOL_SOCKET -1", getsockopt(fd, SOL_SOCKET, -1, &value, &len));
    show("get IPPROTO_TCP 9999", getsockopt(fd, IPPROTO_TCP, 9999, &value, &len));
    show("set IPPROTO_TCP 9999", set_int(fd, IPPROTO_TCP, 9999, 1));
    show("set level 9999", set_int(fd, 9999, SO_REUSEADDR, 1));
    fd = udp(AF_INET);
    show("UDP set SOL_SOCKET 9999", set_int(fd, SOL_SOCKET, 9999, 1));
    show("UDP set level 9999", set_int(fd, 9999, 1, 1));
    return 0;
}
