/* tcp_proxy splice PORT BYTES | tcp_proxy copy PORT BYTES: takes bytes from one connection and gives them to another, by splice(2), or by
 * recv(2) and send(2) of 64 KiB. */
#include "bench.h"

#define PIECE 65536

BUFFER buffer[PIECE];

static size_t copy(int from, int to) {
    size_t have = (size_t)must("recv", recv(from, buffer, sizeof buffer, 0));
    for (size_t done = 0; done < have;)
        done += (size_t)must("send", send(to, buffer + done, have - done, MSG_NOSIGNAL));
    return have;
}

static size_t pass(int from, const int pipe[2], int to) {
    size_t have = (size_t)must("splice", splice(from, NULL, pipe[1], NULL, PIECE, SPLICE_F_MOVE));
    for (size_t done = 0; done < have;)
        done += (size_t)must("splice", splice(pipe[0], NULL, to, NULL, have - done, SPLICE_F_MOVE));
    return have;
}

int main(int argc, char **argv) {
    uint64_t left = number(argc, argv, 3);
    uint16_t port = (uint16_t)number(argc, argv, 2);
    int from = connected(port), to = connected(port);
    int copying = strcmp(argv[1], "copy") == 0;
    int ends[2];
    must("pipe", pipe(ends));
    while (left != 0) {
        size_t done = copying ? copy(from, to) : pass(from, ends, to);
        if (done == 0) fail("the peer closed early");
        left -= done;
    }
    return close(to);
}
