/* sys/timerfd.h: timerfd_create(2), which Emscripten has no header for. */
#ifndef GUESTNET_SYS_TIMERFD_H
#define GUESTNET_SYS_TIMERFD_H

#include <fcntl.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TFD_NONBLOCK O_NONBLOCK
#define TFD_CLOEXEC O_CLOEXEC

#define TFD_TIMER_ABSTIME 1
#define TFD_TIMER_CANCEL_ON_SET (1 << 1)

int timerfd_create(int clock, int flags);
int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old);
int timerfd_gettime(int fd, struct itimerspec *spec);

#ifdef __cplusplus
}
#endif

#endif
