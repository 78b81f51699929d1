/* emscripten_dns_lookup_async in threads, while the main thread waits for them: poll and epoll in the thread that asks,
 * no waiting at all, and a result that another thread takes. */
#include "../linux/threads.h"
#include <guestnet/dns.h>
#include <sched.h>
#include <sys/epoll.h>

static int begin(const char *node) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int fd = emscripten_dns_lookup_async(node, "80", &hints);
    if (fd < 0) {
        printf("cannot go on, emscripten_dns_lookup_async: %d\n", fd);
        exit(1);
    }
    return fd;
}

/* 1 for the loopback address and the port, once. */
static int is_right(int fd) {
    struct addrinfo *list = NULL;
    if (emscripten_dns_lookup_result(fd, &list) != 0) return 0;
    struct sockaddr_in *in = (struct sockaddr_in *)list->ai_addr;
    int right = ntohl(in->sin_addr.s_addr) == INADDR_LOOPBACK && ntohs(in->sin_port) == 80;
    freeaddrinfo(list);
    return right && emscripten_dns_lookup_result(fd, &list) != 0 && close(fd) == 0;
}

static void *by_poll(void *argument) {
    int fd = begin("localhost");
    wait_readable(fd);
    *(int *)argument = is_right(fd);
    return NULL;
}

static void *by_epoll(void *argument) {
    int fd = begin("127.0.0.1"), epoll = (int)must("epoll_create1", epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    long count = must("epoll_wait", epoll_wait(epoll, &event, 1, T_TIMEOUT_MS));
    *(int *)argument = count == 1 && event.data.u32 == 7 && is_right(fd);
    close(epoll);
    return NULL;
}

static void *by_asking(void *argument) {
    int fd = begin("localhost"), error;
    struct addrinfo *list = NULL;
    long end = now_ms() + T_TIMEOUT_MS;
    while ((error = emscripten_dns_lookup_result(fd, &list)) == EAI_AGAIN && now_ms() < end) sched_yield();
    *(int *)argument = error == 0;
    if (error == 0) freeaddrinfo(list);
    close(fd);
    return NULL;
}

static void *only_begins(void *argument) {
    *(int *)argument = begin("localhost");
    return NULL;
}

int main(void) {
    static void *(*const ways[])(void *) = {by_poll, by_epoll, by_asking, by_poll};
    static const char *const names[] = {"poll", "epoll", "asking", "poll"};
    int right[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) threads[i] = start(ways[i], &right[i]);
    for (int i = 0; i < 4; i++) {
        join(threads[i]);
        fact(names[i], right[i]);
    }
    int fd;
    join(start(only_begins, &fd));
    wait_readable(fd);
    fact("another thread takes it", is_right(fd));
    return 0;
}
