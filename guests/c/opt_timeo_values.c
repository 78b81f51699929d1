/* SO_RCVTIMEO and SO_SNDTIMEO: 0 at first, read back, and what is no time. Linux: EDOM, EINVAL. */
#include "t.h"

static void run(const char *title, int name) {
    printf("%s\n", title);
    int fd = tcp(AF_INET);
    struct timeval time = {.tv_sec = -1, .tv_usec = -1};
    socklen_t len = sizeof time;
    show("get", getsockopt(fd, SOL_SOCKET, name, &time, &len));
    printf("%ld s %ld us\n", (long)time.tv_sec, (long)time.tv_usec);
    fact("length is timeval's", len == sizeof time);
    time = (struct timeval){.tv_sec = 3, .tv_usec = 500000};
    show("set 3.5 s", setsockopt(fd, SOL_SOCKET, name, &time, sizeof time));
    memset(&time, 0, sizeof time);
    len = sizeof time;
    show("get", getsockopt(fd, SOL_SOCKET, name, &time, &len));
    printf("%ld s %ld us\n", (long)time.tv_sec, (long)time.tv_usec);
    time = (struct timeval){.tv_sec = 0, .tv_usec = 1000000};
    show("set 1000000 us", setsockopt(fd, SOL_SOCKET, name, &time, sizeof time));
    time = (struct timeval){.tv_sec = 0, .tv_usec = -1};
    show("set -1 us", setsockopt(fd, SOL_SOCKET, name, &time, sizeof time));
    show("set too short", setsockopt(fd, SOL_SOCKET, name, &time, sizeof(int) - 1));
    memset(&time, 0, sizeof time);
    len = sizeof time;
    show("get", getsockopt(fd, SOL_SOCKET, name, &time, &len));
    printf("%ld s %ld us\n", (long)time.tv_sec, (long)time.tv_usec);
    time = (struct timeval){.tv_sec = 0, .tv_usec = 0};
    show("set 0", setsockopt(fd, SOL_SOCKET, name, &time, sizeof time));
}

int main(void) {
    run("SO_RCVTIMEO", SO_RCVTIMEO);
    run("SO_SNDTIMEO", SO_SNDTIMEO);
    return 0;
}
