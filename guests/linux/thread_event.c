/* eventfd and timerfd across threads: a write wakes who waits in read, poll or epoll, and a read wakes who waits in write.
 * eventfd(2), timerfd_create(2). */
#include "threads.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

struct work {
    int fd, epoll;
    atomic_int begun;
    uint64_t value;
    long result;
};

static void *get(void *argument) {
    struct work *work = argument;
    atomic_store(&work->begun, 1);
    work->result = read(work->fd, &work->value, sizeof work->value);
    return NULL;
}

static void *put(void *argument) {
    struct work *work = argument;
    atomic_store(&work->begun, 1);
    work->result = write(work->fd, &work->value, sizeof work->value);
    return NULL;
}

static void *await(void *argument) {
    struct work *work = argument;
    struct pollfd one = {.fd = work->fd, .events = POLLIN};
    atomic_store(&work->begun, 1);
    work->result = poll(&one, 1, T_TIMEOUT_MS);
    return NULL;
}

static void *await_epoll(void *argument) {
    struct work *work = argument;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5};
    int epoll = (int)must("epoll_create1", epoll_create1(0));
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, work->fd, &event));
    atomic_store(&work->begun, 1);
    work->result = epoll_wait(epoll, &event, 1, T_TIMEOUT_MS);
    work->value = event.data.u32;
    return NULL;
}

static pthread_t begin(void *(*run)(void *), struct work *work) {
    long end = now_ms() + T_TIMEOUT_MS;
    atomic_store(&work->begun, 0);
    pthread_t thread = start(run, work);
    while (!atomic_load(&work->begun)) {
        if (now_ms() > end) {
            printf("cannot go on, the thread does not begin\n");
            exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return thread;
}

static void finish(const char *what, pthread_t thread, struct work *work) {
    join(thread);
    show(what, work->result);
    printf("%llu\n", (unsigned long long)work->value);
}

static void add(int fd, uint64_t value) { must("write", write(fd, &value, sizeof value)); }

int main(void) {
    struct work work = {.fd = (int)must("eventfd", eventfd(0, 0))};
    pthread_t thread = begin(get, &work);
    add(work.fd, 3);
    finish("read", thread, &work);

    thread = begin(await, &work);
    add(work.fd, 4);
    work.value = 0;
    finish("poll", thread, &work);
    get(&work);
    thread = begin(await_epoll, &work);
    add(work.fd, 4);
    finish("epoll_wait", thread, &work);
    get(&work);

    /* A counter that is full: nothing is added until it is read, and then once. */
    add(work.fd, UINT64_MAX - 1);
    work.value = 6;
    thread = begin(put, &work);
    uint64_t value = 0;
    must("read", read(work.fd, &value, sizeof value));
    fact("what was there", value == UINT64_MAX - 1);
    finish("write", thread, &work);
    get(&work);
    printf("%llu\n", (unsigned long long)work.value);

    /* There is room for some, but not for as much. */
    add(work.fd, UINT64_MAX - 10);
    work.value = 20;
    thread = begin(put, &work);
    must("read", read(work.fd, &value, sizeof value));
    fact("what was there", value == UINT64_MAX - 10);
    finish("write", thread, &work);
    get(&work);
    printf("%llu\n", (unsigned long long)work.value);

    struct work timer = {.fd = (int)must("timerfd_create", timerfd_create(CLOCK_MONOTONIC, 0))};
    thread = begin(get, &timer);
    struct itimerspec soon = {.it_value = {0, 2000000}};
    must("timerfd_settime", timerfd_settime(timer.fd, 0, &soon, NULL));
    finish("a timer that is set while it is read", thread, &timer);

    /* Each of two threads takes 1. */
    struct work two[2];
    two[0] = two[1] = (struct work){.fd = (int)must("eventfd", eventfd(0, EFD_SEMAPHORE))};
    pthread_t threads[2] = {begin(get, &two[0]), begin(get, &two[1])};
    add(two[0].fd, 2);
    for (int i = 0; i < 2; i++) finish("semaphore", threads[i], &two[i]);
    return 0;
}
