/* One mebibyte there and back through an echo server in the same program: non-blocking, partial writes, poll. */
#include "t.h"

#define TOTAL (1024 * 1024)
static unsigned char echoing[65536];

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    set_nonblocking(pair[0], 1);
    set_nonblocking(pair[1], 1);
    size_t sent = 0, received = 0, held = 0, given = 0;
    uint32_t sent_sum = CHECKSUM_START, received_sum = CHECKSUM_START;
    while (received < TOTAL) {
        struct pollfd p[2] = {{.fd = pair[0], .events = POLLIN}, {.fd = pair[1], .events = 0}};
        if (sent < TOTAL) p[0].events |= POLLOUT;
        p[1].events = given < held ? POLLOUT : POLLIN;
        if (must("poll", poll(p, 2, T_TIMEOUT_MS)) == 0) {
            printf("stuck\n");
            return 1;
        }
        if (p[0].revents & POLLOUT && sent < TOTAL) {
            unsigned char chunk[40000];
            size_t count = TOTAL - sent < sizeof chunk ? TOTAL - sent : sizeof chunk;
            for (size_t i = 0; i < count; i++) chunk[i] = pattern(sent + i);
            ssize_t n = send(pair[0], chunk, count, MSG_NOSIGNAL);
            if (n > 0) {
                sent_sum = checksum(sent_sum, chunk, (size_t)n);
                sent += (size_t)n;
            } else if (errno != EAGAIN) {
                must("send", n);
            }
        }
        if (p[1].revents && given == held) {
            ssize_t n = recv(pair[1], echoing, sizeof echoing, 0);
            if (n > 0) {
                held = (size_t)n;
                given = 0;
            } else if (errno != EAGAIN) {
                must("server recv", n);
            }
        }
        if (given < held) {
            ssize_t n = send(pair[1], echoing + given, held - given, MSG_NOSIGNAL);
            if (n > 0)
                given += (size_t)n;
            else if (errno != EAGAIN)
                must("server send", n);
        }
        if (p[0].revents & POLLIN) {
            unsigned char chunk[30000];
            ssize_t n = recv(pair[0], chunk, sizeof chunk, 0);
            if (n > 0) {
                received_sum = checksum(received_sum, chunk, (size_t)n);
                received += (size_t)n;
            } else if (errno != EAGAIN) {
                must("recv", n);
            }
        }
    }
    printf("sent: %lu\n", (unsigned long)sent);
    printf("received: %lu\n", (unsigned long)received);
    fact("checksums agree", sent_sum == received_sum);
    printf("checksum: %08lx\n", (unsigned long)received_sum);
    return 0;
}
