/* errno.h for wasip1: wasi-libc's, with the socket errors of Linux that WASI has no number for. They come from the
 * overlay itself and never from a host; their numbers lie above WASI's (76) and WasmEdge's (87). strerror() does not
 * know them. */
#pragma GCC system_header
#include_next <errno.h>
#ifndef _GUESTNET_ERRNO_H
#define _GUESTNET_ERRNO_H

#ifndef ESOCKTNOSUPPORT
#define ESOCKTNOSUPPORT 94
#endif
#ifndef EPFNOSUPPORT
#define EPFNOSUPPORT 96
#endif
#ifndef ESHUTDOWN
#define ESHUTDOWN 108
#endif
#ifndef EHOSTDOWN
#define EHOSTDOWN 112
#endif

#endif
