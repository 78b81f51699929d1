/* fcntl.h for wasip1: wasi-libc's, with the overlay's fcntl, and splice(2). */
#pragma GCC system_header
#include_next <fcntl.h>
#ifndef _GUESTNET_FCNTL_H
#define _GUESTNET_FCNTL_H

#ifdef __cplusplus
extern "C" {
#endif

/* The name in object files: see sys/socket.h. */
int fcntl(int, int, ...) __asm__("__guestnet_fcntl");

#ifdef _GNU_SOURCE
#define SPLICE_F_MOVE 1
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE 4
#define SPLICE_F_GIFT 8
ssize_t splice(int, off_t *, int, off_t *, size_t, unsigned);
#endif

#ifdef __cplusplus
}
#endif

#endif
