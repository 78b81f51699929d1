/* Ends by a callback on the main thread while other threads print: the thread that holds the lock of a stream at that moment
 * must not hold up the end. The argument is a file to print to, else they print to stdout. */
#include "../linux/threads.h"
#include <emscripten.h>

#define ENOUGH 20

static atomic_int printed;
static FILE *stream;

static void *prints(void *unused) {
    for (;;) {
        fputs("a line\n", stream);
        printed++;
    }
    return unused;
}

static void listen_called(int fd, void *data) {
    (void)fd;
    (void)data;
    emscripten_force_exit(7);
}

int main(int argc, char **argv) {
    stream = argc > 1 ? fopen(argv[1], "w") : stdout;
    if (stream == NULL) return 1;
    setvbuf(stream, NULL, _IOLBF, 0);
    start(prints, NULL);
    start(prints, NULL);
    while (printed < ENOUGH) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    emscripten_set_socket_listen_callback(NULL, listen_called);
    tcp_listener(AF_INET);
    emscripten_exit_with_live_runtime();
}
