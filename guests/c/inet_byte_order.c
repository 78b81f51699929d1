/* htons and its kin, inet_addr and inet_aton, and the in6 macros. byteorder(3), inet(3), RFC 3493 6.4. */
#include "t.h"

int main(void) {
    uint16_t port = htons(0x1234);
    uint32_t word = htonl(0x01020304);
    show_data("htons(0x1234)", 2, &port);
    show_data("htonl(0x01020304)", 4, &word);
    fact("ntohs undoes htons", ntohs(port) == 0x1234);
    fact("ntohl undoes htonl", ntohl(word) == 0x01020304);
    in_addr_t address = inet_addr("127.0.0.1");
    show_data("inet_addr", 4, &address);
    fact("inet_addr of no address", inet_addr("no address") == (in_addr_t)-1);
    struct in_addr in;
    show("inet_aton", inet_aton("192.0.2.9", &in));
    printf("inet_ntoa: %s\n", inet_ntoa(in));
    fact("INADDR_LOOPBACK", htonl(INADDR_LOOPBACK) == address);
    struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;
    fact("in6addr_loopback", memcmp(&loopback6, &in6addr_loopback, 16) == 0);
    fact("IN6_IS_ADDR_LOOPBACK", IN6_IS_ADDR_LOOPBACK(&loopback6));
    fact("IN6_IS_ADDR_UNSPECIFIED", IN6_IS_ADDR_UNSPECIFIED(&in6addr_any));
    struct addr mapped = ip("::ffff:1.2.3.4", 1);
    fact("IN6_IS_ADDR_V4MAPPED", IN6_IS_ADDR_V4MAPPED(&mapped.in6.sin6_addr));
    return 0;
}
