/* 65507 bytes are the most that UDP over IPv4 carries; one more is EMSGSIZE. send(2), udp(7). */
#include "t.h"

int main(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    static unsigned char out[65536], in[65536];
    for (size_t i = 0; i < sizeof out; i++) out[i] = pattern(i);
    show("send 65507", send(pair[0], out, 65507, 0));
    show("recv", recv(pair[1], in, sizeof in, 0));
    fact("intact", memcmp(out, in, 65507) == 0);
    show("send 65508", send(pair[0], out, 65508, 0));
    show("sendto 65536", send_to(pair[0], out, 65536, local_addr(pair[1])));
    show("send 1", send(pair[0], "x", 1, 0));
    show("recv", recv(pair[1], in, sizeof in, 0));
    udp_pair(AF_INET6, pair);
    show("v6 send 65527", send(pair[0], out, 65527, 0));
    show("v6 recv", recv(pair[1], in, sizeof in, 0));
    show("v6 send 65528", send(pair[0], out, 65528, 0));
    return 0;
}
