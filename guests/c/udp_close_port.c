/* A port is free again as soon as its socket is closed, and what was queued is gone with it. */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET), client = udp_bound(AF_INET);
    struct addr a = local_addr(fd);
    must("sendto", send_to(client, "old", 3, a));
    wait_readable(fd);
    show("close", close(fd));
    fd = udp(AF_INET);
    show("bind", bind_to(fd, a));
    char buffer[8];
    show("recv", recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    must("sendto", send_to(client, "new", 3, a));
    show_data("recv", recv(fd, buffer, sizeof buffer, 0), buffer);
    return 0;
}
