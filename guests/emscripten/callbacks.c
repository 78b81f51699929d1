/* emscripten_set_socket_*_callback: a program without a loop of its own, driven by readiness that the engine's event
 * loop reports. A listener and a client in one program exchange one message. */
#include "../c/t.h"
#include <emscripten.h>

static int listener, client, server = -1, steps;

static void open_called(int fd, void *data) {
    if (fd != client) return;
    printf("open: the client, %s\n", (char *)data);
    show("send", send(client, "ping", 4, MSG_NOSIGNAL));
}

static void connection_called(int fd, void *data) {
    if (fd != listener || server >= 0) return;
    printf("connection: the listener, %s\n", (char *)data);
    server = (int)must("accept", accept(listener, NULL, NULL));
    set_nonblocking(server, 1);
}

static void message_called(int fd, void *data) {
    char buffer[16];
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (fd == server && count > 0) {
        show_data("message: the server", count, buffer);
        show("send", send(server, "pong", 4, MSG_NOSIGNAL));
    } else if (fd == client && count > 0) {
        show_data("message: the client", count, buffer);
        printf("data: %s\n", (char *)data);
        close(client);
    } else if (fd == server && count == 0 && steps++ == 0) {
        printf("the end: the server\n");
        close(server);
        close(listener);
        emscripten_force_exit(0);
    }
}

static void close_called(int fd, void *data) {
    (void)data;
    if (fd == server) message_called(fd, data);
}

static void error_called(int fd, int error, const char *message, void *data) {
    (void)fd;
    (void)data;
    printf("error: %s, %s\n", errno_name(error), message);
    emscripten_force_exit(1);
}

int main(void) {
    static char data[] = "its data";
    emscripten_set_socket_open_callback(data, open_called);
    emscripten_set_socket_connection_callback(data, connection_called);
    emscripten_set_socket_message_callback(data, message_called);
    emscripten_set_socket_close_callback(data, close_called);
    emscripten_set_socket_error_callback(data, error_called);
    listener = tcp_listener(AF_INET);
    set_nonblocking(listener, 1);
    client = tcp(AF_INET);
    set_nonblocking(client, 1);
    int result = connect_to(client, local_addr(listener));
    fact("connected or under way", result == 0 || errno == EINPROGRESS);
    emscripten_exit_with_live_runtime();
}
