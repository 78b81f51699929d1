/* tcp_echo blocking PORT COUNT | tcp_echo polled PORT COUNT: 64 bytes there and back, one after the other. */
#include "bench.h"

BUFFER message[64];

static void receive(int fd, int polled) {
    for (size_t have = 0; have < sizeof message;) {
        struct pollfd poll_for = {.fd = fd, .events = POLLIN};
        if (polled) must("poll", poll(&poll_for, 1, -1));
        ssize_t done = recv(fd, message + have, sizeof message - have, 0);
        if (done < 0 && polled && errno == EAGAIN) continue;
        if (must("recv", done) == 0) fail("the peer closed early");
        have += (size_t)done;
    }
}

int main(int argc, char **argv) {
    uint64_t count = number(argc, argv, 3);
    int fd = connected((uint16_t)number(argc, argv, 2));
    int polled = strcmp(argv[1], "polled") == 0;
    if (polled) must("O_NONBLOCK", fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
    for (uint64_t i = 0; i < count; i++) {
        if (must("send", send(fd, message, sizeof message, MSG_NOSIGNAL)) != sizeof message) fail("short send");
        receive(fd, polled);
    }
    return close(fd);
}
