/* poll.h for wasip1: wasi-libc's, with the events it leaves out. Its own numbers stay. */
#pragma GCC system_header
#include_next <poll.h>
#ifndef _GUESTNET_POLL_H
#define _GUESTNET_POLL_H

#ifndef POLLPRI
#define POLLPRI 0x4
#endif
#if !defined(POLLRDHUP) && defined(_GNU_SOURCE)
#define POLLRDHUP 0x8
#endif
#ifdef __cplusplus
extern "C" {
#endif
/* The name in object files: see sys/socket.h. */
int poll(struct pollfd *, nfds_t, int) __asm__("__guestnet_poll");
#ifdef __cplusplus
}
#endif

/* Priority bands: never reported, as on Linux's TCP and UDP. */
#ifndef POLLRDBAND
#define POLLRDBAND 0x80
#endif
#ifndef POLLWRBAND
#define POLLWRBAND 0x100
#endif

#endif
