/* write and writev on a socket whose sending side is shut: EPIPE when SIGPIPE is ignored. write(2). */
#include "t.h"
#ifndef __wasi__
#include <signal.h>
#endif

int main(void) {
#ifndef __wasi__
    signal(SIGPIPE, SIG_IGN);
#endif
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    show("write", write(pair[0], "x", 1));
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    show("writev", writev(pair[0], &iov, 1));
    show("write on an unconnected socket", write(tcp(AF_INET), "x", 1));
    return 0;
}
