/* A UNIX stream's full buffer: EAGAIN, then room, and nothing is lost. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int pair[2];
    unix_pair("full", pair);
    set_nonblocking(pair[0], 1);
    static unsigned char chunk[8192];
    size_t sent = 0, received = 0;
    uint32_t sent_sum = CHECKSUM_START, received_sum = CHECKSUM_START;
    ssize_t n;
    for (;;) {
        for (size_t i = 0; i < sizeof chunk; i++) chunk[i] = pattern(sent + i);
        n = send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL);
        if (n < 0) break;
        sent_sum = checksum(sent_sum, chunk, (size_t)n);
        sent += (size_t)n;
    }
    show("send to a full buffer", n);
    show_revents("sender", revents_now(pair[0], POLLOUT, 0));
    must("shutdown", shutdown(pair[0], SHUT_WR));
    while ((n = must("recv", recv(pair[1], chunk, sizeof chunk, 0))) > 0) {
        received_sum = checksum(received_sum, chunk, (size_t)n);
        received += (size_t)n;
    }
    fact("all arrived", received == sent);
    fact("checksums agree", received_sum == sent_sum);
    return 0;
}
