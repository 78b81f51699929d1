/* A port that is bound but not listening is in use too, and free as soon as that socket is closed. bind(2). */
#include "t.h"

int main(void) {
    int first = tcp(AF_INET);
    must("bind", bind_to(first, loopback(AF_INET, 0)));
    struct addr a = local_addr(first);
    int second = tcp(AF_INET);
    show("bind", bind_to(second, a));
    close(first);
    show("bind after close", bind_to(second, a));
    fact("the address is the one asked for", same_addr(local_addr(second), a));
    show("listen", listen(second, 1));
    return 0;
}
