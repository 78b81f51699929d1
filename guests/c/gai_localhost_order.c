/* The addresses of localhost in their order: those of the hosts file, the best first, so that a client that takes the first
 * one reaches a server that did the same. hosts(5), RFC 6724. */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    look_up("localhost", "localhost", "7", &hints);
    look_up("no node", NULL, "7", &hints);

    struct addrinfo *list = NULL;
    if (show_eai("getaddrinfo", getaddrinfo("localhost", "0", &hints, &list)) != 0) return 0;
    int listener = (int)must("socket", socket(list->ai_family, SOCK_STREAM, 0));
    show("bind", bind(listener, list->ai_addr, list->ai_addrlen));
    show("listen", listen(listener, 1));
    int client = (int)must("socket", socket(list->ai_family, SOCK_STREAM, 0));
    show("connect", connect_to(client, local_addr(listener)));
    freeaddrinfo(list);
    return 0;
}
