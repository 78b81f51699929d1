/* Abstract names, which begin with NUL and are no files. Linux unix(7). wasip1 cannot say them: its addresses end at
 * the first NUL. */
#include "t.h"

int main(void) {
    struct addr a;
    memset(&a, 0, sizeof a);
    a.un.sun_family = AF_UNIX;
    struct timespec now; /* for a name that no other run has */
    clock_gettime(CLOCK_MONOTONIC, &now);
    int length =
        snprintf(a.un.sun_path + 1, sizeof a.un.sun_path - 1, "guestnet-%ld-%ld", (long)now.tv_sec, (long)now.tv_nsec);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    int listener = tcp(AF_UNIX);
    show("bind", bind_to(listener, a));
    show("bind another", bind_to(tcp(AF_UNIX), a));
    must("listen", listen(listener, 1));
    show("connect", connect_to(tcp(AF_UNIX), a));
    close(listener);
    show("connect when closed", connect_to(tcp(AF_UNIX), a));
    return 0;
}
