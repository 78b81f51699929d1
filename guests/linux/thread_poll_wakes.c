/* A thread that waits in poll over several sockets is woken by what another thread does to one of them. poll(2). */
#include "threads.h"

static int wake[2], quiet;

static void *polls(void *argument) {
    struct call *call = argument;
    struct pollfd both[2] = {{.fd = quiet, .events = POLLIN}, {.fd = wake[1], .events = POLLIN}};
    call->result = poll(both, 2, T_TIMEOUT_MS);
    call->error = errno;
    call->fd = both[1].revents;
    return NULL;
}

int main(void) {
    quiet = udp_bound(AF_INET);
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, wake));
    struct call call = {0};
    pthread_t thread = start(polls, &call);
    show("send", send(wake[0], "x", 1, MSG_NOSIGNAL));
    join(thread);
    errno = call.error;
    show("poll", call.result);
    show_revents("of it", call.fd);
    return 0;
}
