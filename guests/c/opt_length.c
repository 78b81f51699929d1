/* Option values of other lengths: too short to set is EINVAL, too long is fine; getting cuts the value and returns its
 * length. setsockopt(2). */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    long long wide = 1;
    show("set with 3 bytes", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &wide, 3));
    show("set with 0 bytes", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &wide, 0));
    show("set TCP_NODELAY with 3 bytes", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &wide, 3));
    show_option("SO_KEEPALIVE", fd, SOL_SOCKET, SO_KEEPALIVE);
    show("set with 8 bytes", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &wide, 8));
    show_option("SO_KEEPALIVE", fd, SOL_SOCKET, SO_KEEPALIVE);
    unsigned char bytes[8];
    memset(bytes, 0xee, sizeof bytes);
    socklen_t len = 8;
    show("get with 8 bytes", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, bytes, &len));
    show("length", (long)len);
    show_data("value", 8, bytes);
    memset(bytes, 0xee, sizeof bytes);
    len = 1;
    show("get with 1 byte", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, bytes, &len));
    show("length", (long)len);
    show_data("value", 2, bytes);
    len = 0;
    show("get with 0 bytes", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, bytes, &len));
    show("length", (long)len);
    return 0;
}
