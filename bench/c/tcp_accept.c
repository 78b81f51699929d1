/* tcp_accept blocking COUNT | tcp_accept polled COUNT: accepts connections and closes them. */
#include "bench.h"

int main(int argc, char **argv) {
    uint64_t count = number(argc, argv, 2);
    int polled = strcmp(argv[1], "polled") == 0;
    int listener = bound(SOCK_STREAM);
    must("listen", listen(listener, 512));
    if (polled) must("O_NONBLOCK", fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK));
    announce(listener);
    while (count != 0) {
        struct pollfd poll_for = {.fd = listener, .events = POLLIN};
        if (polled) must("poll", poll(&poll_for, 1, -1));
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && polled && errno == EAGAIN) continue;
        must("close", close((int)must("accept", fd)));
        count--;
    }
    return close(listener);
}
