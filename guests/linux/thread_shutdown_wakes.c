/* shutdown wakes a thread that is blocked on the same socket: recv sees the end, accept fails. shutdown(2). */
#include "threads.h"

static void *accepts(void *argument) {
    struct call *call = argument;
    call->result = accept(call->fd, NULL, NULL);
    call->error = errno;
    return NULL;
}

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct call call = {.fd = pair[1], .size = 6};
    pthread_t thread = start(receive, &call);
    wait_under_way(&call, pair[0]);
    show("shutdown", shutdown(pair[1], SHUT_RD));
    show_call("recv", thread, &call);
    struct call waiting = {.fd = tcp_listener(AF_INET)};
    thread = start(accepts, &waiting);
    show("shutdown of the listener", shutdown(waiting.fd, SHUT_RDWR));
    join(thread);
    errno = waiting.error;
    show("accept", waiting.result);
    return 0;
}
