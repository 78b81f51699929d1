/* SO_REUSEPORT: several listeners on one address when all have it. socket(7). */
#include "t.h"

int main(void) {
    int first = tcp(AF_INET), second = tcp(AF_INET), third = tcp(AF_INET);
    show_option("fresh", first, SOL_SOCKET, SO_REUSEPORT);
    show("set", set_int(first, SOL_SOCKET, SO_REUSEPORT, 1));
    show_option("get", first, SOL_SOCKET, SO_REUSEPORT);
    must("bind", bind_to(first, loopback(AF_INET, 0)));
    show("listen", listen(first, 4));
    show("bind without it", bind_to(third, local_addr(first)));
    must("set", set_int(second, SOL_SOCKET, SO_REUSEPORT, 1));
    show("bind with it", bind_to(second, local_addr(first)));
    show("listen", listen(second, 4));
    return 0;
}
