/* emscripten_set_socket_*_callback called in a thread, for sockets that threads open: the callbacks run on the main
 * thread, whose event loop goes on. */
#include "../linux/threads.h"
#include <emscripten.h>
#include <emscripten/threading.h>

/* What a callback was told last, and how often it was called. */
struct told {
    atomic_int times, fd;
};

static struct told opened, listened, connection, message, closed, failed;
static atomic_int elsewhere, failure;
static char received[16];

static void note(struct told *told, int fd) {
    if (!emscripten_is_main_runtime_thread()) elsewhere = 1;
    told->fd = fd;
    told->times++;
}

static void open_called(int fd, void *data) { note(data, fd); }

/* It is told again as long as there is something to read. */
static void message_called(int fd, void *data) {
    ssize_t count = recv(fd, received, sizeof received - 1, MSG_DONTWAIT);
    if (count < 0) return;
    received[count] = 0;
    note(data, fd);
}

static void error_called(int fd, int error, const char *text, void *data) {
    (void)text;
    failure = error;
    note(data, fd);
}

/* Waits until it was told `times` times, the last time of `fd`. */
static void wait_told(const char *what, struct told *told, int times, int fd) {
    long end = now_ms() + T_TIMEOUT_MS;
    while (told->times < times || told->fd != fd) {
        if (now_ms() > end) {
            printf("cannot go on, %s was told %d times\n", what, told->times);
            emscripten_force_exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    printf("%s: told\n", what);
}

static void *connects(void *argument) {
    struct call *call = argument;
    call->fd = tcp(AF_INET);
    call->result = connect_to(call->fd, loopback(AF_INET, call->error));
    call->error = errno;
    return NULL;
}

static void *drives(void *unused) {
    emscripten_set_socket_open_callback(&opened, open_called);
    emscripten_set_socket_listen_callback(&listened, open_called);
    emscripten_set_socket_connection_callback(&connection, open_called);
    emscripten_set_socket_close_callback(&closed, open_called);
    emscripten_set_socket_error_callback(&failed, error_called);

    int listener = tcp_listener(AF_INET);
    wait_told("listen", &listened, 1, listener);
    /* Yet another thread connects. */
    struct call call = {.error = port_of(local_addr(listener))};
    pthread_t thread = start(connects, &call);
    join(thread);
    show("connect", call.result);
    wait_told("open", &opened, 1, call.fd);
    wait_told("connection", &connection, 1, listener);
    int server = (int)must("accept", accept(listener, NULL, NULL));
    show("send", send(call.fd, "ping", 4, MSG_NOSIGNAL));
    wait_told("message", &message, 1, server);
    show_data("received", (long)strlen(received), received);
    close(call.fd);
    wait_told("close", &closed, 1, server);

    /* A port that is taken, and where nobody listens. */
    int refused = tcp(AF_INET);
    must("bind", bind_to(refused, loopback(AF_INET, 0)));
    int client = tcp(AF_INET);
    set_nonblocking(client, 1);
    show("connect", connect_to(client, local_addr(refused)));
    wait_told("error", &failed, 1, client);
    errno = failure;
    printf("error: %s\n", errno_name(errno));
    /* The same socket again, to where somebody does. Linux says first that the failed attempt is over. */
    show("connect", connect_to(client, local_addr(listener)));
    int result = connect_to(client, local_addr(listener));
    fact("connected or under way", result == 0 || errno == EINPROGRESS);
    wait_told("open", &opened, 2, client);

    int datagrams = udp_bound(AF_INET);
    must("send", send_to(datagrams, "datagram", 8, local_addr(datagrams)));
    wait_told("message", &message, 2, datagrams);
    show_data("received", (long)strlen(received), received);

    /* A listener that was shut down does nothing any more: the event loop must not hear of it again and again. */
    show("shutdown", shutdown(listener, SHUT_RDWR));
    must("send", send_to(datagrams, "last", 4, local_addr(datagrams)));
    wait_told("message", &message, 3, datagrams);
    fact("on the main thread", !elsewhere);
    emscripten_force_exit(0);
    return unused;
}

int main(void) {
    emscripten_set_socket_message_callback(&message, message_called);
    /* The event loop goes on as long as a socket is watched. */
    udp_bound(AF_INET);
    start(drives, NULL);
    emscripten_exit_with_live_runtime();
}
