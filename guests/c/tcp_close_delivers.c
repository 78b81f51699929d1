/* close in order: everything that was sent before arrives, then the end. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    for (int i = 0; i < 100; i++) must("send", send(pair[0], "0123456789", 10, MSG_NOSIGNAL));
    show("close", close(pair[0]));
    char buffer[2000];
    long n = recv_all(pair[1], buffer, sizeof buffer);
    show("bytes", n);
    printf("checksum: %08lx\n", (unsigned long)checksum(CHECKSUM_START, buffer, (size_t)n));
    show("recv", recv(pair[1], buffer, sizeof buffer, 0));
    return 0;
}
