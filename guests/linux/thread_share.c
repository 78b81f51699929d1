/* A socket opened in one thread is read in another, and closed in a third. pthreads(7): threads share descriptors. */
#include "threads.h"

static int pair[2];

static void *opens(void *unused) {
    tcp_pair(AF_INET, pair);
    return unused;
}

static void *closes(void *unused) {
    close(pair[0]);
    return unused;
}

int main(void) {
    join(start(opens, NULL));
    struct call call = {.fd = pair[1], .size = 6};
    pthread_t reader = start(receive, &call);
    wait_under_way(&call, pair[0]);
    show("send", send(pair[0], "hello", 5, MSG_NOSIGNAL));
    show_call("recv in a thread", reader, &call);
    struct call end = {.fd = pair[1], .size = 6};
    reader = start(receive, &end);
    wait_under_way(&end, pair[0]);
    join(start(closes, NULL));
    show_call("the end in a thread", reader, &end);
    show("send", send(pair[0], "x", 1, MSG_NOSIGNAL));
    return 0;
}
