/* getaddrinfo without a type lists the address for streams and for datagrams, the protocol with it. getaddrinfo(3). */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *list = NULL;
    int streams = 0, datagrams = 0, right = 1;
    if (getaddrinfo("127.0.0.1", "7", &hints, &list) != 0) return 1;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (a->ai_socktype == SOCK_STREAM) streams++, right = right && a->ai_protocol == IPPROTO_TCP;
        if (a->ai_socktype == SOCK_DGRAM) datagrams++, right = right && a->ai_protocol == IPPROTO_UDP;
    }
    freeaddrinfo(list);
    show("streams", streams);
    show("datagrams", datagrams);
    fact("protocols are right", right);
    hints.ai_protocol = IPPROTO_UDP;
    look_up("IPPROTO_UDP alone", "127.0.0.1", "7", &hints);
    hints.ai_protocol = IPPROTO_TCP;
    look_up("IPPROTO_TCP alone", "127.0.0.1", "7", &hints);
    look_up("no hints but the default", "::1", "7", &(struct addrinfo){.ai_socktype = SOCK_STREAM});
    return 0;
}
