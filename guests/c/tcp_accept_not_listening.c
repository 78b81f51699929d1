/* accept on a socket that does not listen. accept(2): EINVAL. */
#include "t.h"

int main(void) {
    int pair[2];
    show_fd("accept on a fresh socket", accept(tcp(AF_INET), NULL, NULL));
    int bound = tcp(AF_INET);
    must("bind", bind_to(bound, loopback(AF_INET, 0)));
    show_fd("accept on a bound socket", accept(bound, NULL, NULL));
    tcp_pair(AF_INET, pair);
    show_fd("accept on a connected socket", accept(pair[0], NULL, NULL));
    show_fd("accept on an accepted socket", accept(pair[1], NULL, NULL));
    show_fd("accept on a v6 socket", accept(tcp(AF_INET6), NULL, NULL));
    return 0;
}
