/* guestnet.c: socketpair(), which Emscripten's C library answers with ENOSYS before any JavaScript library is asked.
 *
 * The npm package has it as an object, which guestnet-emcc names. Not here: what the call does. */
#include <stdint.h>

int guestnet_socketpair(int domain, int type, int protocol, intptr_t pair);

int __syscall_socketpair(int domain, int type, int protocol, intptr_t pair, int unused, int unused2) {
    (void)unused;
    (void)unused2;
    return guestnet_socketpair(domain, type, protocol, pair);
}
