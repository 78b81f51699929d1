/* SO_BINDTODEVICE: the loopback device, and one that is not there. Linux socket(7): ENODEV. */
#include "t.h"

int main(void) {
    int fd = udp(AF_INET);
    char name[16] = "?";
    socklen_t len = sizeof name;
    show("get", getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    show("length", (long)len);
    show("set one that is not there", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nodevice0", 10));
    show("set lo", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    len = sizeof name;
    show("get", getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    printf("name: %s\n", name);
    return 0;
}
