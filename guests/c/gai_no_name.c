/* getaddrinfo's refusals of names: none at all, text where a number must be. getaddrinfo(3): EAI_NONAME. */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    look_up("neither host nor service", NULL, NULL, &hints);
    look_up("a name with AI_NUMERICHOST", "localhost", "80", &hints);
    look_up("a wrong address", "1.2.3.4.5", "80", &hints);
    look_up("a wrong v6 address", "::1::2", "80", &hints);
    look_up("an empty host", "", "80", &hints);
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    look_up("a service name with AI_NUMERICSERV", "127.0.0.1", "http", &hints);
    return 0;
}
