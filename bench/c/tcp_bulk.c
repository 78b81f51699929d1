/* tcp_bulk send PORT BYTES | tcp_bulk recv PORT BYTES: 64 KiB a call. */
#include "bench.h"

BUFFER buffer[65536];

int main(int argc, char **argv) {
    uint64_t left = number(argc, argv, 3);
    int fd = connected((uint16_t)number(argc, argv, 2));
    int sending = strcmp(argv[1], "send") == 0;
    while (left != 0) {
        size_t size = left < sizeof buffer ? (size_t)left : sizeof buffer;
        ssize_t done = sending ? send(fd, buffer, size, MSG_NOSIGNAL) : recv(fd, buffer, size, 0);
        if (must(argv[1], done) == 0) fail("the peer closed early");
        left -= (uint64_t)done;
    }
    return close(fd);
}
