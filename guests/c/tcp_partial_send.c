/* A non-blocking send of more than the buffers hold takes a part of it. send(2). */
#include "t.h"

#define TOTAL (16 * 1024 * 1024)

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("SO_SNDBUF", set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 65536));
    must("SO_RCVBUF", set_int(pair[1], SOL_SOCKET, SO_RCVBUF, 65536));
    set_nonblocking(pair[0], 1);
    unsigned char *bytes = malloc(TOTAL);
    if (bytes == NULL) return 1;
    for (size_t i = 0; i < TOTAL; i++) bytes[i] = pattern(i);
    ssize_t n = send(pair[0], bytes, TOTAL, MSG_NOSIGNAL);
    fact("something was taken", n > 0);
    fact("not all", n < TOTAL);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    size_t received = 0;
    int intact = 1;
    unsigned char chunk[16384];
    for (;;) {
        ssize_t got = must("recv", recv(pair[1], chunk, sizeof chunk, 0));
        if (got == 0) break;
        intact = intact && memcmp(chunk, bytes + received, (size_t)got) == 0;
        received += (size_t)got;
    }
    fact("what was taken arrived", (ssize_t)received == n);
    fact("intact", intact);
    return 0;
}
