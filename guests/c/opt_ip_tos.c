/* IP_TOS. ip(7). */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    show_option("fresh", fd, IPPROTO_IP, IP_TOS);
    show("set 0x10", set_int(fd, IPPROTO_IP, IP_TOS, 0x10));
    show_option("get", fd, IPPROTO_IP, IP_TOS);
    return 0;
}
