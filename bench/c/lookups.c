/* lookups COUNT: looks up so many names, each for the first time. Each must have one address, which is loopback. */
#include "bench.h"

#include <netdb.h>

int main(int argc, char **argv) {
    uint64_t count = number(argc, argv, 1);
    for (uint64_t i = 0; i < count; i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
        char name[64];
        snprintf(name, sizeof name, "host-%llu.example", (unsigned long long)i);
        int error = getaddrinfo(name, "443", &hints, &found);
        if (error != 0) {
            fprintf(stderr, "%s: %s\n", name, gai_strerror(error));
            return 1;
        }
        const struct sockaddr_in *address = (const struct sockaddr_in *)(const void *)found->ai_addr;
        if (found->ai_family != AF_INET || address->sin_addr.s_addr != htonl(INADDR_LOOPBACK)) fail("not loopback");
        freeaddrinfo(found);
    }
    return 0;
}
