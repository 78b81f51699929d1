/* JSPI with threads: the main thread suspends in its calls, so that its event loop goes on, while threads block in theirs,
 * also in calls on the same descriptor. */
#include "../linux/threads.h"
#include <emscripten.h>
#include <sched.h>

#define DATAGRAMS 500

static int first[2], second[2], shared;
static struct addr to;
static atomic_int taken, wrong;

static void feeds_main(void *unused) {
    (void)unused;
    must("send", send(first[1], "main", 4, MSG_NOSIGNAL));
}

static void feeds_thread(void *unused) {
    (void)unused;
    must("send", send(second[1], "the thread", 10, MSG_NOSIGNAL));
}

/* Blocks in recv, and then answers the main thread, which waits meanwhile. */
static void *answers(void *argument) {
    struct call *call = argument;
    receive(call);
    must("send", send(first[1], "answer", 6, MSG_NOSIGNAL));
    return NULL;
}

/* Takes datagrams until there is an end for it. */
static void *takes(void *unused) {
    char byte = 0;
    while (byte != 'e') {
        if (read(shared, &byte, 1) != 1) {
            wrong++;
            continue;
        }
        taken++;
    }
    return unused;
}

/* The next one when the last was taken, so that none is lost. */
static void *sends(void *unused) {
    int fd = udp(AF_INET);
    for (int i = 0; i < DATAGRAMS; i++) {
        must("sendto", send_to(fd, i < DATAGRAMS - 2 ? "x" : "e", 1, to));
        while (taken <= i) sched_yield();
    }
    return unused;
}

int main(void) {
    char buffer[16];
    tcp_pair(AF_INET, first);
    tcp_pair(AF_INET, second);
    emscripten_async_call(feeds_main, NULL, 0);
    show_data("fed by the event loop", recv(first[0], buffer, sizeof buffer, 0), buffer);

    struct call call = {.fd = second[0], .size = 10};
    pthread_t thread = start(answers, &call);
    emscripten_async_call(feeds_thread, NULL, 0);
    show_data("main", recv(first[0], buffer, sizeof buffer, 0), buffer);
    show_call("the thread", thread, &call);

    shared = udp_bound(AF_INET);
    to = local_addr(shared);
    pthread_t sender = start(sends, NULL), taker = start(takes, NULL);
    takes(NULL);
    join(taker);
    join(sender);
    show("taken from one socket by both", taken);
    show("what came back without", wrong);
    return 0;
}
