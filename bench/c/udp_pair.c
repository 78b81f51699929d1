/* udp_pair COUNT: 64 bytes from one socket to another of the same program, one datagram after the other. */
#include "bench.h"

int main(int argc, char **argv) {
    uint64_t count = number(argc, argv, 1);
    int one = bound(SOCK_DGRAM), other = bound(SOCK_DGRAM);
    struct sockaddr_in to = address_of(other), from;
    char message[64] = {0}, buffer[64];
    for (uint64_t i = 0; i < count; i++) {
        must("sendto", sendto(one, message, sizeof message, 0, (struct sockaddr *)&to, sizeof to));
        socklen_t length = sizeof from;
        must("recvfrom", recvfrom(other, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length));
    }
    must("close", close(other));
    return close(one);
}
