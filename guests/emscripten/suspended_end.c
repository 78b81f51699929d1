/* exit() in a callback, while main is suspended in a call: main does not go on, and its time limit keeps nothing running. */
#include "../c/t.h"
#include <emscripten/html5.h>

static void end(void *unused) {
    (void)unused;
    printf("exit\n");
    exit(7);
}

int main(void) {
    int pair[2];
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    emscripten_set_timeout(end, 1, NULL);
    struct pollfd one = {.fd = pair[0], .events = POLLIN};
    poll(&one, 1, 600000);
    printf("main goes on\n");
    return 0;
}
