/* eventfd: a counter that is read and written, waited for by poll, select and epoll, shared by its numbers. eventfd(2). */
#include "../c/t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static void get(const char *what, int fd) {
    uint64_t value = 77;
    if (show(what, read(fd, &value, sizeof value)) == 8) printf("%llu\n", (unsigned long long)value);
}

static void put(const char *what, int fd, uint64_t value) { show(what, write(fd, &value, sizeof value)); }

static int in_select(int fd) {
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    struct timeval at_once = {0, 0};
    must("select", select(fd + 1, &in, &out, NULL, &at_once));
    return FD_ISSET(fd, &in) + 2 * FD_ISSET(fd, &out);
}

int main(void) {
    int fd = show_fd("eventfd 3", eventfd(3, 0));
    struct stat status;
    show("fstat", fstat(fd, &status));
    fact("of no type", (status.st_mode & S_IFMT) == 0);
    show_poll("poll", fd);
    get("read", fd);
    show_poll("poll, 0", fd);
    put("write 2", fd, 2);
    put("write 5", fd, 5);
    printf("select: %d\n", in_select(fd));
    get("read", fd);
    printf("select, 0: %d\n", in_select(fd));

    /* Not 8 bytes. */
    char bytes[24] = {1};
    show("write 7 bytes", write(fd, bytes, 7));
    show("write no byte", write(fd, bytes, 0));
    show("read 7 bytes", read(fd, bytes, 7));
    show("read no byte", read(fd, bytes, 0));
    put("write 1", fd, 1);
    show("read 24 bytes", read(fd, bytes, 24));
    printf("%d\n", bytes[0]);

    set_nonblocking(fd, 1);
    get("read, nothing there", fd);
    put("write all ones", fd, UINT64_MAX);
    put("write the most", fd, UINT64_MAX - 1);
    show_poll("poll, full", fd);
    put("write 1, full", fd, 1);
    show("write 7 bytes, full", write(fd, bytes, 7));
    put("write all ones, full", fd, UINT64_MAX);
    get("read", fd);
    put("write half", fd, UINT64_MAX / 2);
    show_poll("poll, half", fd);
    put("write more than there is room for", fd, UINT64_MAX - 3);
    get("read", fd);

    /* The helpers. */
    eventfd_t value = 0;
    show("eventfd_write", eventfd_write(fd, 9));
    show("eventfd_read", eventfd_read(fd, &value));
    printf("%llu\n", (unsigned long long)value);
    show("eventfd_read, nothing there", eventfd_read(fd, &value));

    int copy = (int)must("dup", dup(fd));
    put("write to a dup", copy, 4);
    close(fd);
    get("read", copy);
    fact("O_NONBLOCK", fcntl(copy, F_GETFL) & O_NONBLOCK);

    int semaphore = show_fd("EFD_SEMAPHORE", eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC));
    show("F_GETFD", fcntl(semaphore, F_GETFD));
    for (int i = 0; i < 3; i++) get("read", semaphore);
    show("a wrong flag", eventfd(0, 0x10));
    get("UINT_MAX", (int)must("eventfd", eventfd(UINT_MAX, 0)));

    /* Level and edge in an epoll; each write is an edge, also where the counter was not 0. */
    int level = (int)must("epoll_create1", epoll_create1(0)), edge = (int)must("epoll_create1", epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 1}, got;
    show("epoll_ctl", epoll_ctl(level, EPOLL_CTL_ADD, copy, &event));
    event.events = EPOLLIN | EPOLLET;
    must("epoll_ctl", epoll_ctl(edge, EPOLL_CTL_ADD, copy, &event));
    show("level, 0", epoll_wait(level, &got, 1, 0));
    put("write 1", copy, 1);
    for (int i = 0; i < 2; i++) show("level", epoll_wait(level, &got, 1, 0));
    for (int i = 0; i < 2; i++) show("edge", epoll_wait(edge, &got, 1, 0));
    put("write 1", copy, 1);
    show("edge", epoll_wait(edge, &got, 1, 0));
    get("read", copy);
    show("level", epoll_wait(level, &got, 1, 0));

    /* Among many: what watches them is another than for a few. */
    struct pollfd many[12];
    for (int i = 0; i < 12; i++)
        many[i] = (struct pollfd){.fd = (int)must("eventfd", eventfd(0, EFD_NONBLOCK)), .events = POLLIN};
    show("poll of 12", poll(many, 12, 0));
    put("write to the 7th", many[6].fd, 1);
    put("write to the 9th", many[8].fd, 1);
    show("poll of 12", poll(many, 12, T_TIMEOUT_MS));
    for (int i = 0; i < 12; i++)
        if (many[i].revents) printf("%d %d\n", i, many[i].revents == POLLIN);
    get("read the 7th", many[6].fd);
    show("poll of 12", poll(many, 12, T_TIMEOUT_MS));
    put("write to the 7th", many[6].fd, 1);
    show("poll of 12", poll(many, 12, T_TIMEOUT_MS));

    show("recv", recv(copy, bytes, 8, 0));
    show("bind", bind_to(copy, loopback(AF_INET, 0)));
    show("close", close(copy));
    get("read, closed", copy);
    return 0;
}
