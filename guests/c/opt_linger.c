/* SO_LINGER: a switch and seconds; a value too short is EINVAL. socket(7). */
#include "t.h"

static void show_linger(int fd) {
    struct linger l = {.l_onoff = -1, .l_linger = -1};
    socklen_t len = sizeof l;
    if (show("get", getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len)) == 0)
        printf("on %s, %d s, length %s\n", l.l_onoff ? "yes" : "no", l.l_linger, len == sizeof l ? "right" : "wrong");
}

int main(void) {
    int fd = tcp(AF_INET);
    show_linger(fd);
    struct linger l = {.l_onoff = 1, .l_linger = 12};
    show("set on, 12", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    show_linger(fd);
    l.l_linger = 0;
    show("set on, 0", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    show_linger(fd);
    l.l_onoff = 0;
    show("set off", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    show_linger(fd);
    show("set too short", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(int)));
    return 0;
}
