/* A thread opens and closes descriptors while the main thread makes calls that never wait, and then calls that wait for
 * less than a millisecond each: neither keeps the thread from going on. On Linux this says nothing special; where the
 * main thread has to do something for others, it has to do it then too. */
#include "threads.h"

#define DESCRIPTORS 20

static atomic_int done;

static void *opens(void *unused) {
    for (int i = 0; i < DESCRIPTORS; i++) must("close", close(udp(AF_INET)));
    done = 1;
    return unused;
}

/* Sends back whatever comes, until the end. */
static void *echoes(void *argument) {
    int fd = *(int *)argument;
    char byte;
    while (recv(fd, &byte, 1, 0) == 1) must("send", send(fd, &byte, 1, MSG_NOSIGNAL));
    return NULL;
}

int main(void) {
    int fd = udp_bound(AF_INET);
    must("send", send_to(fd, "x", 1, local_addr(fd)));
    wait_readable(fd);
    long end = now_ms() + T_TIMEOUT_MS;
    char byte;
    pthread_t thread = start(opens, NULL);
    while (!done && now_ms() < end) must("recv", recv(fd, &byte, 1, MSG_PEEK));
    fact("while nothing waits", done);
    join(thread);

    int pair[2];
    tcp_pair(AF_INET, pair);
    pthread_t echo = start(echoes, &pair[1]);
    done = 0;
    end = now_ms() + T_TIMEOUT_MS;
    thread = start(opens, NULL);
    while (!done && now_ms() < end) {
        must("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
        must("recv", recv(pair[0], &byte, 1, 0));
    }
    fact("while nothing waits long", done);
    join(thread);
    close(pair[0]);
    join(echo);
    return 0;
}
