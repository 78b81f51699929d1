/* sys/ioctl.h for wasip1: wasi-libc's requests with the overlay's function. */
#pragma GCC system_header
#include_next <sys/ioctl.h>
#ifndef _GUESTNET_SYS_IOCTL_H
#define _GUESTNET_SYS_IOCTL_H

#ifdef __cplusplus
extern "C" {
#endif

/* The name in object files: see sys/socket.h. */
int ioctl(int, int, ...) __asm__("__guestnet_ioctl");

#ifdef __cplusplus
}
#endif

#endif
