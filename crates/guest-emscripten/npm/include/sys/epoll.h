/* sys/epoll.h: Emscripten's own, and epoll_pwait2(2), which it lacks. */
#ifndef GUESTNET_SYS_EPOLL_H
#define GUESTNET_SYS_EPOLL_H

#include_next <sys/epoll.h>
#include <signal.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

int epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout, const sigset_t *mask);

#ifdef __cplusplus
}
#endif

#endif
