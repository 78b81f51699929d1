/* TCP_KEEPIDLE and TCP_KEEPINTVL in seconds, and what they may not be. tcp(7): EINVAL. */
#include "t.h"

static void run(const char *title, int name) {
    printf("%s\n", title);
    int fd = tcp(AF_INET);
    fact("has a value", int_option(fd, IPPROTO_TCP, name) > 0);
    show("set 30", set_int(fd, IPPROTO_TCP, name, 30));
    show_option("get", fd, IPPROTO_TCP, name);
    show("set 0", set_int(fd, IPPROTO_TCP, name, 0));
    show("set 32768", set_int(fd, IPPROTO_TCP, name, 32768));
    show_option("get", fd, IPPROTO_TCP, name);
}

int main(void) {
    run("TCP_KEEPIDLE", TCP_KEEPIDLE);
    run("TCP_KEEPINTVL", TCP_KEEPINTVL);
    return 0;
}
