/* timerfd: expirations are counted, waited for by read, poll and epoll, and disarmed. timerfd_create(2). Nothing here depends on how
 * late a timer is: a count is at least what was waited for, and a time that is left at most what was set. */
#include "../c/t.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define MS 1000000L

static struct itimerspec spec(long value_ms, long interval_ms) {
    struct itimerspec s = {.it_interval = {interval_ms / 1000, interval_ms % 1000 * MS},
                           .it_value = {value_ms / 1000, value_ms % 1000 * MS}};
    return s;
}

static int set(int fd, int flags, long value_ms, long interval_ms) {
    struct itimerspec s = spec(value_ms, interval_ms);
    return timerfd_settime(fd, flags, &s, NULL);
}

static long ms(struct timespec t) { return (long)t.tv_sec * 1000 + t.tv_nsec / MS; }

/* Reads a count that must be `least` or more. */
static void count(const char *what, int fd, uint64_t least) {
    uint64_t n = 0;
    if (show(what, read(fd, &n, sizeof n)) == 8) fact("as many as expected", n >= least);
}

static void one_clock(const char *name, int clock) {
    printf("%s\n", name);
    int fd = show_fd("timerfd_create", timerfd_create(clock, TFD_NONBLOCK));
    show("disarmed read", read(fd, (uint64_t[1]){0}, 8));
    show_poll("disarmed poll", fd);
    show("settime", set(fd, 0, 5, 0));
    show_revents("poll", wait_readable(fd));
    uint64_t n = 0;
    show("read", read(fd, &n, 8));
    printf("%llu\n", (unsigned long long)n);
    show("read again", read(fd, &n, 8));
    /* An absolute time that has come long ago: once, and with an interval as often as that has passed. */
    struct timespec now;
    must("clock_gettime", clock_gettime(clock, &now));
    struct itimerspec past = {.it_value = now};
    past.it_value.tv_sec -= now.tv_sec > 0;
    past.it_value.tv_nsec = past.it_value.tv_sec || past.it_value.tv_nsec ? past.it_value.tv_nsec : 1;
    show("settime, past", timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL));
    wait_readable(fd);
    count("read", fd, 1);
    struct itimerspec soon = {.it_value = now};
    soon.it_value.tv_sec += 3600;
    show("settime, in an hour", timerfd_settime(fd, TFD_TIMER_ABSTIME, &soon, NULL));
    struct itimerspec left;
    show("gettime", timerfd_gettime(fd, &left));
    fact("about an hour is left", ms(left.it_value) > 3590000 && ms(left.it_value) <= 3600000);
    show_poll("poll", fd);
    must("close", close(fd));
}

int main(void) {
    one_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
    one_clock("CLOCK_REALTIME", CLOCK_REALTIME);
    show("CLOCK_BOOTTIME", close((int)must("timerfd_create", timerfd_create(CLOCK_BOOTTIME, 0))));
    show("no such clock", timerfd_create(99, 0));
    show("a clock of computing", timerfd_create(CLOCK_THREAD_CPUTIME_ID, 0));
    show("a wrong flag", timerfd_create(CLOCK_MONOTONIC, 1));

    int fd = (int)must("timerfd_create", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    show("F_GETFD", fcntl(fd, F_GETFD));
    struct stat status;
    show("fstat", fstat(fd, &status));
    fact("of no type", (status.st_mode & S_IFMT) == 0);
    struct itimerspec old, cur;
    show("gettime, disarmed", timerfd_gettime(fd, &cur));
    fact("nothing", ms(cur.it_value) == 0 && ms(cur.it_interval) == 0);
    show("settime", set(fd, 0, 3600000, 2000));
    show("gettime", timerfd_gettime(fd, &cur));
    fact("what is left", ms(cur.it_value) > 3590000 && ms(cur.it_value) <= 3600000);
    printf("interval %ld\n", ms(cur.it_interval));
    struct itimerspec next = spec(3, 2);
    show("settime with the old one", timerfd_settime(fd, 0, &next, &old));
    fact("what was left", ms(old.it_value) > 3590000 && ms(old.it_value) <= 3600000);
    printf("its interval %ld\n", ms(old.it_interval));
    count("blocking read", fd, 1);
    count("and again", fd, 1);
    int epoll = (int)must("epoll_create1", epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    show("epoll_wait", epoll_wait(epoll, &event, 1, T_TIMEOUT_MS));
    count("read", fd, 1);
    int copy = (int)must("dup", dup(fd));
    show("disarm by the dup", set(copy, 0, 0, 5));
    set_nonblocking(fd, 1);
    show("read", read(fd, (uint64_t[1]){0}, 8));
    show("gettime", timerfd_gettime(fd, &cur));
    fact("nothing is left", ms(cur.it_value) == 0);
    printf("interval %ld\n", ms(cur.it_interval));

    /* A fired one that is set again has not fired. */
    must("settime", set(fd, 0, 1, 0));
    wait_readable(fd);
    show("settime", set(fd, 0, 3600000, 0));
    show_poll("poll", fd);

    show("read 7 bytes", read(fd, &cur, 7));
    uint64_t value = 1;
    show("write", write(fd, &value, 8));
    struct itimerspec wrong = {.it_value = {0, 1000000000}};
    show("10^9 nanoseconds", timerfd_settime(fd, 0, &wrong, NULL));
    wrong.it_value = (struct timespec){-1, 0};
    show("seconds below 0", timerfd_settime(fd, 0, &wrong, NULL));
    wrong.it_value = (struct timespec){0, 0};
    wrong.it_interval = (struct timespec){0, -1};
    show("an interval below 0", timerfd_settime(fd, 0, &wrong, NULL));
    show("a wrong flag", set(fd, 8, 1, 0));
    int other = udp(AF_INET);
    show("settime of a socket", set(other, 0, 1, 0));
    show("gettime of a socket", timerfd_gettime(other, &cur));
    must("close", close(other));
    show("settime, closed", set(other, 0, 1, 0));
    show("gettime, closed", timerfd_gettime(other, &cur));
    /* The greatest times. */
    wrong = (struct itimerspec){.it_value = {INT64_MAX, 999999999}, .it_interval = {INT64_MAX, 999999999}};
    show("the greatest", timerfd_settime(fd, 0, &wrong, NULL));
    show("the greatest, absolute", timerfd_settime(fd, TFD_TIMER_ABSTIME, &wrong, NULL));
    show_poll("poll", fd);
    return 0;
}
