/* Four threads that accept from one listener: every connection is served, and by one of them. accept(2). */
#include "threads.h"

#define THREADS 4
#define CONNECTIONS 40

static int listener;
static atomic_int served;

static void *serve(void *unused) {
    for (;;) {
        int fd = (int)must("accept", accept(listener, NULL, NULL));
        unsigned char number;
        must("recv", recv(fd, &number, 1, 0));
        if (number == 255) {
            close(fd);
            return unused;
        }
        number++;
        must("send", send(fd, &number, 1, MSG_NOSIGNAL));
        close(fd);
        atomic_fetch_add(&served, 1);
    }
}

static int ask(unsigned char number) {
    int fd = tcp(AF_INET);
    must("connect", connect_to(fd, local_addr(listener)));
    must("send", send(fd, &number, 1, MSG_NOSIGNAL));
    unsigned char answer = 0;
    long count = must("recv", recv(fd, &answer, 1, 0));
    close(fd);
    return count == 1 ? answer : -1;
}

int main(void) {
    listener = tcp_listener(AF_INET);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = start(serve, NULL);
    int right = 0;
    for (int i = 0; i < CONNECTIONS; i++) right += ask((unsigned char)i) == i + 1;
    for (int i = 0; i < THREADS; i++) ask(255);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    show("right answers", right);
    show("served", atomic_load(&served));
    return 0;
}
