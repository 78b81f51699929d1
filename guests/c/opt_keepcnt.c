/* TCP_KEEPCNT, 1 to 127. tcp(7): EINVAL. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    fact("has a value", int_option(fd, IPPROTO_TCP, TCP_KEEPCNT) > 0);
    show("set 5", set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 5));
    show_option("get", fd, IPPROTO_TCP, TCP_KEEPCNT);
    show("set 0", set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 0));
    show("set 128", set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 128));
    show_option("get", fd, IPPROTO_TCP, TCP_KEEPCNT);
    return 0;
}
