/* A blocking send of 64 KiB into free buffers takes all of it at once. send(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("SO_SNDBUF", set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 262144));
    static unsigned char out[65536], in[65536];
    for (size_t i = 0; i < sizeof out; i++) out[i] = pattern(i);
    show("send", send(pair[0], out, sizeof out, MSG_NOSIGNAL));
    show("recv MSG_WAITALL", recv(pair[1], in, sizeof in, MSG_WAITALL));
    fact("intact", memcmp(out, in, sizeof in) == 0);
    return 0;
}
