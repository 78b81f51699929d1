/* A thread waits in epoll_wait while another adds a socket to the epoll that is ready already. epoll_wait(2), notes. */
#include "threads.h"
#include <sys/epoll.h>

static int epoll;

static void *waits(void *argument) {
    struct call *call = argument;
    struct epoll_event event = {0};
    call->result = epoll_wait(epoll, &event, 1, T_TIMEOUT_MS);
    call->error = errno;
    call->fd = (int)event.data.u32;
    return NULL;
}

int main(void) {
    epoll = (int)must("epoll_create1", epoll_create1(0));
    struct call call = {0};
    pthread_t thread = start(waits, &call);
    int fd = udp_bound(AF_INET);
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    wait_readable(fd);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5};
    show("add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    join(thread);
    errno = call.error;
    show("epoll_wait", call.result);
    show("its number", call.fd);
    return 0;
}
