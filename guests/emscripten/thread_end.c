/* Ends while its threads wait in calls, in the way that its argument names. None of them may hold it up. */
#include "../linux/threads.h"
#include <emscripten.h>
#include <emscripten/threading.h>
#include <sys/epoll.h>

static atomic_int waiting;

/* Each prints that it goes on, which must not happen. */
static void *receives(void *argument) {
    char byte;
    int *pair = argument;
    waiting++;
    recv(pair[1], &byte, 1, 0);
    puts("recv came back");
    return NULL;
}

static void *accepts(void *unused) {
    int fd = tcp_listener(AF_INET);
    waiting++;
    accept(fd, NULL, NULL);
    puts("accept came back");
    return unused;
}

static void *polls(void *unused) {
    struct pollfd one[2] = {{.fd = udp_bound(AF_INET), .events = POLLIN}, {.fd = udp_bound(AF_INET), .events = POLLIN}};
    waiting++;
    poll(one, 2, -1);
    puts("poll came back");
    return unused;
}

static void *waits(void *unused) {
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = (int)must("epoll_create1", epoll_create1(0));
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, udp_bound(AF_INET), &event));
    waiting++;
    epoll_wait(epoll, &event, 1, -1);
    puts("epoll_wait came back");
    return unused;
}

/* A program whose calls are interrupted tries again, for ever. */
static void *insists(void *argument) {
    int *pair = argument;
    char byte;
    waiting++;
    for (;;) recv(pair[1], &byte, 1, 0);
}

static void *exits(void *unused) {
    while (waiting < 3) sched_yield();
    exit(7);
    return unused;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    int pair[2];
    tcp_pair(AF_INET, pair);
    start(receives, pair);
    if (strcmp(way, "thread") == 0) {
        start(polls, NULL);
        start(exits, NULL);
        char byte;
        waiting++;
        recv(pair[1], &byte, 1, 0);
        puts("main's recv came back");
        return 1;
    }
    start(accepts, NULL);
    start(polls, NULL);
    if (strcmp(way, "insist") == 0)
        start(insists, pair);
    else
        start(waits, NULL);
    while (waiting < 4) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    puts("all wait");
    if (strcmp(way, "return") == 0) return 7;
    if (strcmp(way, "engine") == 0) MAIN_THREAD_EM_ASM({ process.exit(7); });
    if (strcmp(way, "loop") == 0) {
        MAIN_THREAD_EM_ASM({ process.exitCode = 7; });
        emscripten_exit_with_live_runtime();
    }
    exit(7);
}
