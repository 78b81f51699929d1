/* A non-blocking sender fills the buffers until EAGAIN; draining makes room; nothing is lost. send(2): EAGAIN. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    set_nonblocking(pair[0], 1);
    static unsigned char chunk[16384];
    size_t sent = 0, received = 0;
    uint32_t sent_sum = CHECKSUM_START, received_sum = CHECKSUM_START;
    for (int round = 0; round < 2; round++) {
        for (;;) {
            for (size_t i = 0; i < sizeof chunk; i++) chunk[i] = pattern(sent + i);
            ssize_t n = send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL);
            if (n < 0) {
                /* What is in flight may be delivered and make room again. */
                if (errno == EAGAIN && revents_now(pair[0], POLLOUT, 100) == 0) {
                    show("send to a full buffer", -1);
                    break;
                }
                if (errno == EAGAIN) continue;
                must("send", n);
            } else {
                sent_sum = checksum(sent_sum, chunk, (size_t)n);
                sent += (size_t)n;
            }
        }
        fact("more than 64 KiB went in", sent > 65536);
        show_revents("sender", revents_now(pair[0], POLLOUT, 0));
        while (received < sent) {
            ssize_t n = must("recv", recv(pair[1], chunk, sizeof chunk, 0));
            received_sum = checksum(received_sum, chunk, (size_t)n);
            received += (size_t)n;
        }
        fact("all of it came out", received == sent);
        show_revents("sender when drained", wait_writable(pair[0]));
    }
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show("recv", recv(pair[1], chunk, sizeof chunk, 0));
    fact("checksums agree", sent_sum == received_sum);
    return 0;
}
