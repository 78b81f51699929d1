/* emscripten_set_socket_*_callback called in a thread, for sockets that threads open: the callbacks run on the main
 * thread, whose event loop goes on. */
#include "../linux/threads.h"
#include <emscripten.h>
#include <emscripten/threading.h>

/* The descriptor that a callback was last called for, and how often it was called. */
struct calls {
    atomic_int times, fd;
};

static struct calls opened, listened, connection, message, closed, failed;
static atomic_int elsewhere, failure;
static char received[16];

static void note(struct calls *calls, int fd) {
    if (!emscripten_is_main_runtime_thread()) elsewhere = 1;
    calls->fd = fd;
    calls->times++;
}

static void open_called(int fd, void *data) { note(data, fd); }

/* It is called again as long as there is something to read. */
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

/* Waits until it was called `times` times, the last time of `fd`. */
static void wait_called(const char *what, struct calls *calls, int times, int fd) {
    long end = now_ms() + T_TIMEOUT_MS;
    while (calls->times < times || calls->fd != fd) {
        if (now_ms() > end) {
            printf("cannot go on, %s was called %d times\n", what, calls->times);
            emscripten_force_exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    printf("%s: called\n", what);
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
    wait_called("listen", &listened, 1, listener);
    /* Yet another thread connects. */
    struct call call = {.error = port_of(local_addr(listener))};
    pthread_t thread = start(connects, &call);
    join(thread);
    show("connect", call.result);
    wait_called("open", &opened, 1, call.fd);
    wait_called("connection", &connection, 1, listener);
    int server = (int)must("accept", accept(listener, NULL, NULL));
    show("send", send(call.fd, "ping", 4, MSG_NOSIGNAL));
    wait_called("message", &message, 1, server);
    show_data("received", (long)strlen(received), received);
    close(call.fd);
    wait_called("close", &closed, 1, server);

    /* A port that is taken, and where nothing listens. */
    int refused = tcp(AF_INET);
    must("bind", bind_to(refused, loopback(AF_INET, 0)));
    int client = tcp(AF_INET);
    set_nonblocking(client, 1);
    show("connect", connect_to(client, local_addr(refused)));
    wait_called("error", &failed, 1, client);
    errno = failure;
    printf("error: %s\n", errno_name(errno));
    /* The same socket again, to where somebody does. Linux says first that the failed attempt is over. */
    show("connect", connect_to(client, local_addr(listener)));
    int result = connect_to(client, local_addr(listener));
    fact("connected or under way", result == 0 || errno == EINPROGRESS);
    wait_called("open", &opened, 2, client);

    int datagrams = udp_bound(AF_INET);
    must("send", send_to(datagrams, "datagram", 8, local_addr(datagrams)));
    wait_called("message", &message, 2, datagrams);
    show_data("received", (long)strlen(received), received);

    /* A listener that was shut down does nothing any more: the event loop must not report it again and again. */
    show("shutdown", shutdown(listener, SHUT_RDWR));
    must("send", send_to(datagrams, "last", 4, local_addr(datagrams)));
    wait_called("message", &message, 3, datagrams);
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
