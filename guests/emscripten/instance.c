/* One of many instances in one process. It is connected to a server, and does what the server says, a letter at a time,
 * in callbacks: its process goes on meanwhile.
 *
 * instance PORT OTHER: the server's port, and another that its policy may or may not let it reach. */
#include "../c/t.h"
#include <emscripten.h>

static int server, other;

static void answer(const char *text) { must("send", send(server, text, strlen(text), MSG_NOSIGNAL)); }

static void message_called(int fd, void *data) {
    (void)data;
    char letter = 0, text[32];
    if (fd != server || recv(fd, &letter, 1, MSG_DONTWAIT) != 1) return;
    if (letter == 'c') { /* connect */
        int client = tcp(AF_INET);
        int result = connect_to(client, loopback(AF_INET, other));
        snprintf(text, sizeof text, "%s\n", result == 0 ? "connected" : errno_name(errno));
        answer(text);
        close(client);
    } else if (letter == 'o') { /* open one more, and say its number */
        snprintf(text, sizeof text, "%d\n", tcp(AF_INET));
        answer(text);
    } else if (letter == 'e') { /* end */
        emscripten_force_exit(0);
    }
}

static void close_called(int fd, void *data) {
    (void)data;
    if (fd == server) emscripten_force_exit(0);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    other = atoi(argv[2]);
    emscripten_set_socket_message_callback(NULL, message_called);
    emscripten_set_socket_close_callback(NULL, close_called);
    server = tcp(AF_INET);
    must("connect", connect_to(server, loopback(AF_INET, atoi(argv[1]))));
    emscripten_exit_with_live_runtime();
}
