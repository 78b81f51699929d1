/* Sending to the broadcast address needs SO_BROADCAST. socket(7), send(2): EACCES. */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET);
    show("sendto 255.255.255.255", send_to(fd, "x", 1, ip("255.255.255.255", 9)));
    show("connect 255.255.255.255", connect_to(fd, ip("255.255.255.255", 9)));
    show_option("SO_BROADCAST", fd, SOL_SOCKET, SO_BROADCAST);
    show("set SO_BROADCAST", set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
    show_option("SO_BROADCAST", fd, SOL_SOCKET, SO_BROADCAST);
    return 0;
}
