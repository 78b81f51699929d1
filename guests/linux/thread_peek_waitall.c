/* A thread that peeks with MSG_WAITALL waits for the bytes that another one sends later, and takes none of them. recv(2). */
#include "threads.h"

static atomic_int begins;

static void *peeks(void *argument) {
    struct call *call = argument;
    atomic_store(&begins, 1);
    call->result = recv(call->fd, call->buffer, call->size, MSG_PEEK | MSG_WAITALL);
    call->error = errno;
    return NULL;
}

int main(void) {
    int pair[2];
    char buffer[16];
    tcp_pair(AF_INET, pair);
    must("send", send(pair[0], "part", 4, MSG_NOSIGNAL));
    wait_bytes(pair[1], 4);
    struct call call = {.fd = pair[1], .size = 10};
    pthread_t thread = start(peeks, &call);
    while (!atomic_load(&begins)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    must("send", send(pair[0], " and more", 9, MSG_NOSIGNAL));
    show_call("peek", thread, &call);
    show_data("recv", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
