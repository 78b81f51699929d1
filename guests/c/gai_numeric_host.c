/* getaddrinfo with numeric hosts and services. getaddrinfo(3): no name service is asked. */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    look_up("v4", "127.0.0.1", "80", &hints);
    look_up("v4, no service", "192.0.2.1", NULL, &hints);
    look_up("v6", "::1", "65535", &hints);
    look_up("v6, long", "2001:db8:0:0:0:0:0:1", "0", &hints);
    look_up("v4-mapped", "::ffff:192.0.2.1", "1", &hints);
    hints.ai_socktype = SOCK_DGRAM;
    look_up("datagram", "127.0.0.1", "53", &hints);
    hints.ai_family = AF_INET6;
    look_up("AF_INET6", "::1", "53", &hints);
    hints.ai_flags = 0;
    look_up("numeric without flags", "::1", "53", &hints);
    return 0;
}
