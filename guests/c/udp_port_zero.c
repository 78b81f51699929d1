/* No datagram can be sent to port 0. Linux: EINVAL. */
#include "t.h"

int main(void) {
    show("sendto v4", send_to(udp(AF_INET), "x", 1, loopback(AF_INET, 0)));
    show("sendto v6", send_to(udp(AF_INET6), "x", 1, loopback(AF_INET6, 0)));
    return 0;
}
