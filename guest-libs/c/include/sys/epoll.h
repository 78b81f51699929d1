/* sys/epoll.h for wasip1: epoll(7), served by guestnet's own functions. The numbers and the layout are Linux's on every
 * processor but x86-64, where the structure is packed. EPOLLRDNORM and its like, which mean what EPOLLIN and EPOLLOUT
 * mean, and EPOLLMSG, which never comes, are left out. */
#ifndef _SYS_EPOLL_H
#define _SYS_EPOLL_H
#pragma GCC system_header

#include <stdint.h>

#define __NEED_sigset_t
#define __NEED_struct_timespec
#include <bits/alltypes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* wasi-libc's O_CLOEXEC is 0, which is taken too. */
#define EPOLL_CLOEXEC 0x80000

#define EPOLLIN 0x001
#define EPOLLPRI 0x002
#define EPOLLOUT 0x004
#define EPOLLERR 0x008
#define EPOLLHUP 0x010
#define EPOLLRDHUP 0x2000
#define EPOLLEXCLUSIVE (1U << 28)
#define EPOLLWAKEUP (1U << 29) /* without a meaning: nothing sleeps */
#define EPOLLONESHOT (1U << 30)
#define EPOLLET (1U << 31)

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

typedef union epoll_data {
    void *ptr;
    int fd;
    uint32_t u32;
    uint64_t u64;
} epoll_data_t;

struct epoll_event {
    uint32_t events;
    epoll_data_t data;
};

int epoll_create(int);
int epoll_create1(int);
int epoll_ctl(int, int, int, struct epoll_event *);
int epoll_wait(int, struct epoll_event *, int, int);
/* The signal masks are ignored: there are no signals. */
int epoll_pwait(int, struct epoll_event *, int, int, const sigset_t *);
int epoll_pwait2(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);

#ifdef __cplusplus
}
#endif

#endif
