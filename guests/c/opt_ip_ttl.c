/* IP_TTL: 1 to 255; -1 is the default again. ip(7): EINVAL. */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    int fresh = int_option(fd, IPPROTO_IP, IP_TTL);
    fact("has a value", fresh > 0);
    show("set 42", set_int(fd, IPPROTO_IP, IP_TTL, 42));
    show_option("get", fd, IPPROTO_IP, IP_TTL);
    show("set 0", set_int(fd, IPPROTO_IP, IP_TTL, 0));
    show("set 256", set_int(fd, IPPROTO_IP, IP_TTL, 256));
    show_option("get", fd, IPPROTO_IP, IP_TTL);
    show("set 255", set_int(fd, IPPROTO_IP, IP_TTL, 255));
    show_option("get", fd, IPPROTO_IP, IP_TTL);
    fd = tcp(AF_INET);
    show("TCP set 7", set_int(fd, IPPROTO_IP, IP_TTL, 7));
    show_option("TCP get", fd, IPPROTO_IP, IP_TTL);
    return 0;
}
