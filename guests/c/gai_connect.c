/* The usual loop over getaddrinfo's list: bind and listen on one, connect to the other. getaddrinfo(3). */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST}, *list = NULL;
    if (show_eai("getaddrinfo", getaddrinfo("127.0.0.1", "0", &hints, &list)) != 0) return 0;
    int listener = show_fd("socket", socket(list->ai_family, list->ai_socktype, list->ai_protocol));
    show("bind", bind(listener, list->ai_addr, list->ai_addrlen));
    show("listen", listen(listener, 1));
    freeaddrinfo(list);
    char service[16];
    snprintf(service, sizeof service, "%d", port_of(local_addr(listener)));
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (show_eai("getaddrinfo", getaddrinfo("127.0.0.1", service, &hints, &list)) != 0) return 0;
    int connected = 0;
    for (struct addrinfo *a = list; a != NULL && !connected; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        connected = show("connect", connect(fd, a->ai_addr, a->ai_addrlen)) == 0;
    }
    freeaddrinfo(list);
    show_fd("accept", accept(listener, NULL, NULL));
    return 0;
}
