/* Port 0 asks for an ephemeral port: a different one for every socket. ip(7): ip_local_port_range. */
#include "t.h"

int main(void) {
    int first = tcp(AF_INET), second = tcp(AF_INET);
    show_addr("before bind", local_addr(first));
    show("bind", bind_to(first, loopback(AF_INET, 0)));
    show("bind", bind_to(second, loopback(AF_INET, 0)));
    show_addr("after bind", local_addr(first));
    fact("ports differ", port_of(local_addr(first)) != port_of(local_addr(second)));
    fact("not a privileged port", port_of(local_addr(first)) >= 1024);
    int wildcard = tcp(AF_INET6);
    show_addr("v6 before bind", local_addr(wildcard));
    show("bind v6 wildcard", bind_to(wildcard, ip("::", 0)));
    show_addr("v6 after bind", local_addr(wildcard));
    return 0;
}
