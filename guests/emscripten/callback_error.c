/* A connect that is refused: SO_ERROR in the error callback has the error, once. With the argument "idle" no socket is made.
 * Either way nothing is watched in the end, and the program ends by itself. */
#include "../c/t.h"
#include <emscripten.h>

static int so_error(int fd) {
    int error = -1;
    socklen_t length = sizeof error;
    must("getsockopt", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
    return error;
}

static void error_called(int fd, int error, const char *message, void *data) {
    (void)message;
    (void)data;
    printf("error: %s\n", errno_name(error));
    int first = so_error(fd), second = so_error(fd);
    printf("SO_ERROR: %s, then %s\n", errno_name(first), errno_name(second));
    fflush(stdout);
    close(fd);
}

int main(int argc, char **argv) {
    emscripten_set_socket_error_callback(NULL, error_called);
    if (argc > 1 && strcmp(argv[argc - 1], "idle") == 0) {
        printf("idle\n");
        fflush(stdout);
        emscripten_exit_with_live_runtime();
    }
    int client = tcp(AF_INET);
    set_nonblocking(client, 1);
    connect_to(client, refusing_addr(AF_INET));
    emscripten_exit_with_live_runtime();
}
