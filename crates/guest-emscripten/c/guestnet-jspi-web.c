/* guestnet-jspi-web.c: what a browser needs besides guestnet-jspi.c, for links with -sJSPI for an Isolated Web App: bind() and listen() that
 * suspend the program, and a turn of JavaScript's loop for a program that never waits. An object of its own, because no other
 * engine needs any of it. Not here: what the calls do. */
#include <emscripten/threading.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>

/* The imports of libguestnet.js, and what guestnet-jspi.c has. */
int guestnet_block_bind(int fd, intptr_t addr, size_t len, int unused, int unused2, int unused3);
int guestnet_block_listen(int fd, int backlog, int unused, int unused2, int unused3, int unused4);
int guestnet_wait(intptr_t fds, int count, int timeout);
int guestnet_can_suspend(void);

/* The imports of libguestnet-jspi.js. */
int guestnet_overdue(void);
int guestnet_rest(void);

/* A browser moves bytes only between two turns of JavaScript's loop. A program that never waits, because it polls or tries again and
 * again, would have that stand still: after a while it suspends for a turn. */
void guestnet_before_call(void) {
    if (guestnet_overdue() && guestnet_can_suspend()) guestnet_rest();
}

/* A browser answers bind() and listen() late, by EAGAIN, whatever the descriptor's mode. */
static int waits_for_answer(int fd, int result) {
    if (result != -EAGAIN || !guestnet_can_suspend()) return 0;
    struct pollfd one = {fd, POLLOUT, 0};
    guestnet_wait((intptr_t)&one, 1, -1);
    return 1;
}

int __syscall_bind(int fd, intptr_t addr, size_t len, int unused, int unused2, int unused3) {
    if (!emscripten_is_main_runtime_thread()) return guestnet_block_bind(fd, addr, len, unused, unused2, unused3);
    int result;
    do {
        result = guestnet_block_bind(fd, addr, len, unused, unused2, unused3);
    } while (waits_for_answer(fd, result));
    return result;
}

int __syscall_listen(int fd, int backlog, int unused, int unused2, int unused3, int unused4) {
    if (!emscripten_is_main_runtime_thread()) return guestnet_block_listen(fd, backlog, unused, unused2, unused3, unused4);
    int result;
    do {
        result = guestnet_block_listen(fd, backlog, unused, unused2, unused3, unused4);
    } while (waits_for_answer(fd, result));
    return result;
}
