/* listen on sockets that cannot: a connected one, a UDP one. listen(2): EINVAL, EOPNOTSUPP. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    show("listen on a connected socket", listen(pair[0], 1));
    show("listen on an accepted socket", listen(pair[1], 1));
    show("listen on UDP", listen(udp(AF_INET), 1));
    show("listen on bound UDP", listen(udp_bound(AF_INET6), 1));
    return 0;
}
