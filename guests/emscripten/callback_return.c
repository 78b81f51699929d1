/* A program that has set a socket callback goes on when main returns. With the argument "none" it has taken the callback away
 * again, and ends there. */
#include "../c/t.h"
#include <emscripten.h>

static void message_called(int fd, void *data) {
    (void)data;
    char buffer[16];
    ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    show_data("message", count, buffer);
    fflush(stdout);
    emscripten_force_exit(0);
}

int main(int argc, char **argv) {
    emscripten_set_socket_message_callback(NULL, message_called);
    int fd = udp_bound(AF_INET);
    /* Before the callback can print: where main() is in a pthread, that may be while this thread does. */
    printf("main returns\n");
    if (argc > 1 && strcmp(argv[argc - 1], "none") == 0) {
        emscripten_set_socket_message_callback(NULL, NULL);
    } else {
        must("sendto", send_to(fd, "ping", 4, local_addr(fd)));
    }
    return 3;
}
