/* A UNIX listener's full queue: a non-blocking connect is EAGAIN, not EINPROGRESS. connect(2). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("listener");
    int listener = tcp(AF_UNIX);
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 0));
    int first = tcp(AF_UNIX), second = tcp(AF_UNIX);
    set_nonblocking(first, 1);
    set_nonblocking(second, 1);
    show("connect", connect_to(first, a));
    show("connect another", connect_to(second, a));
    show_fd("accept", accept(listener, NULL, NULL));
    show("connect again", connect_to(second, a));
    set_nonblocking(listener, 1);
    show_fd("accept", accept(listener, NULL, NULL));
    show_fd("accept with none", accept(listener, NULL, NULL));
    return 0;
}
