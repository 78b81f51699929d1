/* epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2, over guestnet's own functions. */
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "abi.h"
#include "fd.h"
#include "wait.h"

_Static_assert(sizeof(struct epoll_event) == 16 && offsetof(struct epoll_event, data) == 8, "epoll_event is the host's");

int epoll_create1(int flags) {
    int epoll;
    if (flags & ~EPOLL_CLOEXEC) return __gn_result(EINVAL);
    int error = __gn_epoll_create(&epoll);
    if (error != 0) return __gn_result(error);
    __gn_set_cloexec(epoll, flags & EPOLL_CLOEXEC);
    return epoll;
}

int epoll_create(int size) {
    if (size <= 0) return __gn_result(EINVAL);
    return epoll_create1(0);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
    struct epoll_event none = {0};
    if (operation == EPOLL_CTL_DEL) event = &none;
    if (event == NULL) return __gn_result(EFAULT);
    return __gn_result(__gn_epoll_ctl(epoll, operation, fd, event->events, event->data.u64));
}

static int wait_for(int epoll, struct epoll_event *events, int most, uint64_t timeout) {
    size_t count = 0;
    /* The host takes address 0, which is memory like any other, and finds no room at the last one. */
    if (events == NULL) events = (struct epoll_event *)UINTPTR_MAX;
    int error = __gn_epoll_wait(epoll, events, most, (int64_t)timeout, &count);
    return error != 0 ? __gn_result(error) : (int)count;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
    return wait_for(epoll, events, most, timeout < 0 ? GN_FOREVER : (uint64_t)timeout * 1000000);
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
    (void)mask;
    return epoll_wait(epoll, events, most, timeout);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int most, const struct timespec *span, const sigset_t *mask) {
    (void)mask;
    uint64_t timeout;
    int error = __gn_span(span, &timeout);
    if (error != 0) return __gn_result(error);
    return wait_for(epoll, events, most, timeout);
}
