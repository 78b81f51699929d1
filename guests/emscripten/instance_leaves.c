/* Leaves everything open when it ends: sockets, an epoll, a callback that watches a listener, a look-up. */
#include "../c/t.h"
#include <emscripten.h>
#include <guestnet/dns.h>
#include <sys/epoll.h>

static void called(int fd, void *data) { (void)fd, (void)data; }

int main(void) {
    int pair[2];
    emscripten_set_socket_connection_callback(NULL, called);
    tcp_listener(AF_INET);
    tcp_pair(AF_INET, pair);
    struct epoll_event event = {.events = EPOLLIN};
    must("epoll_ctl", epoll_ctl((int)must("epoll_create1", epoll_create1(0)), EPOLL_CTL_ADD, udp_bound(AF_INET), &event));
    if (emscripten_dns_lookup_async("localhost", "80", NULL) < 0) return 1;
    /* With a callback it would go on when main returns. */
    emscripten_force_exit(0);
}
