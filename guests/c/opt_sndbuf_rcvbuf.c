/* SO_SNDBUF and SO_RCVBUF: read back at least what was asked for, growing with it, with a smallest size. socket(7). */
#include "t.h"

static void run(const char *title, int fd, int name) {
    printf("%s\n", title);
    fact("has a size", int_option(fd, SOL_SOCKET, name) > 0);
    show("set 16384", set_int(fd, SOL_SOCKET, name, 16384));
    int small = int_option(fd, SOL_SOCKET, name);
    fact("at least that", small >= 16384);
    fact("at most twice that", small <= 2 * 16384);
    show("set 65536", set_int(fd, SOL_SOCKET, name, 65536));
    int large = int_option(fd, SOL_SOCKET, name);
    fact("at least that", large >= 65536);
    fact("four times the other", large == 4 * small);
    show("set 1", set_int(fd, SOL_SOCKET, name, 1));
    fact("more than 256", int_option(fd, SOL_SOCKET, name) > 256);
}

int main(void) {
    int fd = tcp(AF_INET);
    run("TCP SO_SNDBUF", fd, SO_SNDBUF);
    run("TCP SO_RCVBUF", fd, SO_RCVBUF);
    fd = udp(AF_INET);
    run("UDP SO_SNDBUF", fd, SO_SNDBUF);
    run("UDP SO_RCVBUF", fd, SO_RCVBUF);
    return 0;
}
