/* The name localhost is 127.0.0.1 for AF_INET. RFC 6761 6.3; every /etc/hosts. */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (show_eai("getaddrinfo", getaddrinfo("localhost", "7", &hints, &list)) != 0) return 0;
    struct addr a;
    memset(&a, 0, sizeof a);
    a.len = list->ai_addrlen;
    memcpy(&a.storage, list->ai_addr, list->ai_addrlen);
    show_addr("first", a);
    show("port", port_of(a));
    freeaddrinfo(list);
    return 0;
}
