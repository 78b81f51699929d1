/* getaddrinfo's refusals of hints: flags, family, type, a service that is none. getaddrinfo(3). */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = 0x10000000};
    look_up("unknown flags", "127.0.0.1", "80", &hints);
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_family = 77;
    look_up("family 77", "127.0.0.1", "80", &hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = 99;
    fact("type 99 fails", fails("127.0.0.1", "80", &hints));
    hints.ai_socktype = SOCK_STREAM;
    look_up("no such service", "127.0.0.1", "no-such-service", &hints);
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_family = AF_INET;
    fact("a v6 address for AF_INET fails", fails("::1", "80", &hints));
    hints.ai_family = AF_INET6;
    fact("a v4 address for AF_INET6 fails", fails("127.0.0.1", "80", &hints));
    return 0;
}
