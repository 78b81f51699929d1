/* threads.h: what the thread_ programs share beside t.h. They are built with -pthread. */
#ifndef GUESTNET_THREADS_H
#define GUESTNET_THREADS_H

#include "../c/t.h"
#include <pthread.h>
#include <stdatomic.h>

T_UNUSED static pthread_t start(void *(*run)(void *), void *argument) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, argument);
    if (error != 0) {
        printf("cannot go on, pthread_create: %s\n", errno_name(error));
        exit(1);
    }
    return thread;
}

T_UNUSED static void join(pthread_t thread) {
    int error = pthread_join(thread, NULL);
    if (error != 0) {
        printf("cannot go on, pthread_join: %s\n", errno_name(error));
        exit(1);
    }
}

/* A call that a thread makes, with what came of it. */
struct call {
    int fd;
    size_t size; /* of what is received, all of it */
    long result;
    int error;
    char buffer[16];
};

/* recv of call->size bytes with MSG_WAITALL. */
T_UNUSED static void *receive(void *argument) {
    struct call *call = argument;
    call->result = recv(call->fd, call->buffer, call->size, MSG_WAITALL);
    call->error = errno;
    return NULL;
}

/* Sends a first byte from `peer`, and waits until the thread's recv has taken it: then it waits for the others. */
T_UNUSED static void wait_under_way(struct call *call, int peer) {
    long end = now_ms() + T_TIMEOUT_MS;
    must("send", send(peer, ">", 1, MSG_NOSIGNAL));
    for (int left = 1; left != 0;) {
        must("FIONREAD", ioctl(call->fd, FIONREAD, &left));
        if (now_ms() > end) {
            printf("cannot go on, the thread does not receive\n");
            exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* Joins the thread and prints what its call gave. */
T_UNUSED static void show_call(const char *what, pthread_t thread, struct call *call) {
    join(thread);
    errno = call->error;
    show_data(what, call->result, call->buffer);
}

#endif
