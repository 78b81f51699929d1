/* udp send PORT COUNT | udp recv COUNT: datagrams of 1200 bytes, a call each, with their addresses.
 *
 * The receiver answers the sender after every WINDOW datagrams, so that none is dropped for lack of room. */
#include "bench.h"

#define WINDOW 25 /* also in bench/src/peer.rs */

BUFFER datagram[1200];

static void send_all(int fd, uint16_t port, uint64_t count) {
    struct sockaddr_in to = loopback(port);
    for (uint64_t i = 0; i < count; i++)
        must("sendto", sendto(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&to, sizeof to));
}

static void receive_all(int fd, uint64_t count) {
    struct sockaddr_in from;
    for (uint64_t i = 1; i <= count; i++) {
        socklen_t length = sizeof from;
        ssize_t done = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &length);
        if (must("recvfrom", done) != sizeof datagram) fail("wrong size");
        if (i % WINDOW == 0) must("sendto", sendto(fd, "", 1, 0, (struct sockaddr *)&from, length));
    }
}

int main(int argc, char **argv) {
    int fd = bound(SOCK_DGRAM);
    if (argc > 1 && strcmp(argv[1], "send") == 0) {
        send_all(fd, (uint16_t)number(argc, argv, 2), number(argc, argv, 3));
    } else {
        announce(fd);
        receive_all(fd, number(argc, argv, 2));
    }
    return close(fd);
}
