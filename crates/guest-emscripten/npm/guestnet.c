/* guestnet.c: what Emscripten's C library answers itself, with ENOSYS, before any JavaScript library is asked.
 *
 * guestnet-emcc names this file, to be compiled with the program. Not here: what the call does. */
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

int guestnet_socketpair(int domain, int type, int protocol, intptr_t pair);

int __syscall_socketpair(int domain, int type, int protocol, intptr_t pair, int unused, int unused2) {
    (void)unused;
    (void)unused2;
    return guestnet_socketpair(domain, type, protocol, pair);
}

#ifdef __cplusplus
}
#endif
