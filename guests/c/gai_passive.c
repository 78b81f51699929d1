/* getaddrinfo without a host: the wildcard with AI_PASSIVE, loopback without. getaddrinfo(3). */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    look_up("AI_PASSIVE v4", NULL, "8080", &hints);
    hints.ai_family = AF_INET6;
    look_up("AI_PASSIVE v6", NULL, "8080", &hints);
    hints.ai_flags = AI_NUMERICSERV;
    look_up("v6", NULL, "8080", &hints);
    hints.ai_family = AF_INET;
    look_up("v4", NULL, "8080", &hints);
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    look_up("AI_PASSIVE with a host", "127.0.0.1", "8080", &hints);
    return 0;
}
