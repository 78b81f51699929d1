/* The functions of arpa/inet.h that wasi-libc leaves out. They work on text and numbers alone. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

in_addr_t inet_addr(const char *text) {
    struct in_addr addr;
    return inet_aton(text, &addr) ? addr.s_addr : INADDR_NONE;
}

/* Up to four bytes with points between, each decimal, octal or hexadecimal; unlike inet_addr no part is wider. */
in_addr_t inet_network(const char *text) {
    in_addr_t number = 0;
    for (int part = 0; part < 4; part++) {
        char *end;
        if (!isxdigit((unsigned char)*text)) return INADDR_NONE;
        unsigned long byte = strtoul(text, &end, 0);
        if (byte > 255) return INADDR_NONE;
        number = number << 8 | (in_addr_t)byte;
        if (*end == '\0') return number;
        if (*end != '.') return INADDR_NONE;
        text = end + 1;
    }
    return INADDR_NONE;
}

char *inet_ntoa(struct in_addr addr) {
    static char text[INET_ADDRSTRLEN];
    const unsigned char *octets = (const unsigned char *)&addr;
    snprintf(text, sizeof text, "%d.%d.%d.%d", octets[0], octets[1], octets[2], octets[3]);
    return text;
}

struct in_addr inet_makeaddr(in_addr_t network, in_addr_t host) {
    struct in_addr addr;
    int host_bits = network < 256 ? 24 : network < 65536 ? 16 : 8;
    addr.s_addr = htonl(network << host_bits | (host & ((UINT32_C(1) << host_bits) - 1)));
    return addr;
}

/* Bits of the host part by the address's class. */
static int host_bits(in_addr_t number) { return IN_CLASSA(number) ? 24 : IN_CLASSB(number) ? 16 : 8; }

in_addr_t inet_lnaof(struct in_addr addr) {
    in_addr_t number = ntohl(addr.s_addr);
    return number & ((UINT32_C(1) << host_bits(number)) - 1);
}

in_addr_t inet_netof(struct in_addr addr) {
    in_addr_t number = ntohl(addr.s_addr);
    return number >> host_bits(number);
}
