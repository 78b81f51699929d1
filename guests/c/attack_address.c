/* attack_address: addresses whose length, family or bytes lie, in every call that takes one, of every ABI, on sockets of
 * every family; AF_UNSPEC where an address must be. "malformed" lines must fail under every policy, "judged" ones are
 * an address after all. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static unsigned char bytes[256];
static u sent, port = 9;

static void malformed(const char *what, u fd, u address) {
    u data = header(P("x"), 1);
    printf("malformed bind, %s: %s\n", what, named(we_bind(fd, address, 0)));
    printf("malformed connect, %s: %s\n", what, named(named_connect(fd, address, port)));
    printf("malformed sendto, %s: %s\n", what, named(we_send_to(fd, data, 1, address, port, 0, P(&sent))));
}

static u family(u number) {
    memset(bytes, 0, sizeof bytes);
    bytes[0] = (unsigned char)number, bytes[1] = (unsigned char)(number >> 8);
    bytes[2] = 127, bytes[5] = 1;
    return header(P(bytes), 128);
}

int main(void) {
    u v4 = opened(0, WE_DGRAM), local = 0;
    must("sock_open", we_open(WE_UNIX, WE_DGRAM, P(&local)) == 0 ? 0 : -1);
    memset(bytes, 0, sizeof bytes);
    static const u lengths[] = {0, 3, 5, 15, 17, 127, 129, 0xffffffffu};
    char what[32];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        snprintf(what, sizeof what, "length %lu", (unsigned long)lengths[i]);
        malformed(what, v4, header(P(bytes), lengths[i]));
    }
    malformed("family 4", v4, family(4));
    malformed("family 0xffff", v4, family(0xffff));
    malformed("family 0x0101", v4, family(0x0101));
    malformed("family UNIX on an IPv4 socket", v4, family(WE_UNIX));
    printf("an IPv4 address on a UNIX socket: %s\n", named(we_connect(local, family(WE_INET), port)));
    printf("AF_UNSPEC in bind: %s\n", named(we_bind(v4, family(0), 0)));
    printf("AF_UNSPEC in sendto: %s\n", named(we_send_to(v4, header(P("x"), 1), 1, family(0), port, 0, P(&sent))));
    printf("AF_UNSPEC in connect: %s\n", named(we_connect(v4, family(0), port)));

    /* What stands behind the octets must not matter. */
    family(WE_INET);
    memset(bytes + 6, 0xff, 122);
    printf("judged sendto, rubbish behind the address: %s\n",
           named(we_send_to(v4, header(P("x"), 1), 1, header(P(bytes), 128), port, 0, P(&sent))));
    printf("judged connect, rubbish behind the address: %s\n", named(we_connect(v4, header(P(bytes), 128), port)));
    /* A socket takes what its family can: IPv4 on an IPv6 socket of datagrams goes out as IPv4. */
    u v6 = opened(1, WE_DGRAM);
    printf("judged sendto, IPv4 on an IPv6 socket: %s\n",
           named(we_send_to(v6, header(P("x"), 1), 1, family(WE_INET), port, 0, P(&sent))));
    printf("judged connect, IPv4 on an IPv6 socket: %s\n", named(we_connect(v6, family(WE_INET), port)));
    struct target t = target("::1", 9);
    printf("IPv6 on an IPv4 socket: %s\n", named(we_connect(v4, wide(&t), port)));
    t.wamr[0] = 7;
    printf("WAMR kind 7: %s\n", named(wamr_connect(v4, P(t.wamr))));
    report("the socket still works", we_connect(v4, family(0), 0));
    return 0;
}

#endif
