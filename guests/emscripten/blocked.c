/* blocked PORT: connects to the port, says so there, and waits for an answer that never comes. */
#include "../c/t.h"

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int fd = tcp(AF_INET);
    char byte;
    must("connect", connect_to(fd, loopback(AF_INET, atoi(argv[1]))));
    must("send", send(fd, "here", 4, MSG_NOSIGNAL));
    for (;;) recv(fd, &byte, 1, 0);
}
