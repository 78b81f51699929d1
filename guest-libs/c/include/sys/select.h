/* sys/select.h for wasip1: wasi-libc's types with the overlay's functions. */
#pragma GCC system_header
#include_next <sys/select.h>
#ifndef _GUESTNET_SYS_SELECT_H
#define _GUESTNET_SYS_SELECT_H

#ifdef __cplusplus
extern "C" {
#endif

/* The names in object files: see sys/socket.h. */
int select(int, fd_set *__restrict, fd_set *__restrict, fd_set *__restrict, struct timeval *__restrict)
    __asm__("__guestnet_select");
int pselect(int, fd_set *__restrict, fd_set *__restrict, fd_set *__restrict, const struct timespec *__restrict,
            const sigset_t *__restrict) __asm__("__guestnet_pselect");

#ifdef __cplusplus
}
#endif

#endif
