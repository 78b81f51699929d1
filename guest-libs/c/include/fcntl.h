/* fcntl.h for wasip1: wasi-libc's, with the overlay's fcntl. */
#pragma GCC system_header
#include_next <fcntl.h>
#ifndef _GUESTNET_FCNTL_H
#define _GUESTNET_FCNTL_H

#ifdef __cplusplus
extern "C" {
#endif

/* The name in object files: see sys/socket.h. */
int fcntl(int, int, ...) __asm__("__guestnet_fcntl");

#ifdef __cplusplus
}
#endif

#endif
