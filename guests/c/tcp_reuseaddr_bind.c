/* With SO_REUSEADDR on both, two sockets may be bound to one address on Linux, but only one may listen. socket(7). */
#include "t.h"

int main(void) {
    int first = tcp(AF_INET), second = tcp(AF_INET);
    must("setsockopt", set_int(first, SOL_SOCKET, SO_REUSEADDR, 1));
    must("bind", bind_to(first, loopback(AF_INET, 0)));
    show("bind without SO_REUSEADDR", bind_to(second, local_addr(first)));
    must("setsockopt", set_int(second, SOL_SOCKET, SO_REUSEADDR, 1));
    show("bind with SO_REUSEADDR", bind_to(second, local_addr(first)));
    show("listen", listen(first, 1));
    show("listen on the other", listen(second, 1));
    int third = tcp(AF_INET);
    must("setsockopt", set_int(third, SOL_SOCKET, SO_REUSEADDR, 1));
    show("bind to a listener's address", bind_to(third, local_addr(first)));
    return 0;
}
