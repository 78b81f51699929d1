/* Threads that set and unset callbacks, open, connect, shut down and close sockets, and look names up, all at once and on each
 * other's numbers, while callbacks run. Nothing is asked but that all of it ends. */
#include "../linux/threads.h"
#include <emscripten.h>
#include <emscripten/threading.h>
#include <guestnet/dns.h>

#define ROUNDS 300
#define THREADS 4

static atomic_int done, elsewhere;
static struct addr to;

/* Does with the number what another thread may be doing too. */
static void called(int fd, void *data) {
    char byte[64];
    (void)data;
    if (!emscripten_is_main_runtime_thread()) elsewhere = 1;
    recv(fd, byte, sizeof byte, MSG_DONTWAIT);
    send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void accepting(int fd, void *data) {
    (void)data;
    struct pollfd one = {.fd = fd, .events = POLLIN};
    if (poll(&one, 1, 0) != 1) return;
    int accepted = accept(fd, NULL, NULL);
    if (accepted >= 0 && accepted % 2) close(accepted);
}

static void failing(int fd, int error, const char *text, void *data) {
    (void)error, (void)text, (void)data;
    close(fd);
}

static void *disturbs(void *argument) {
    unsigned seed = (unsigned)(intptr_t)argument;
    struct addrinfo *list;
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 1103515245u + 12345u;
        int any = 8 + (int)(seed >> 16) % 24;
        switch ((seed >> 8) % 12) {
        case 0: emscripten_set_socket_message_callback(NULL, round % 2 ? called : NULL); break;
        case 1: emscripten_set_socket_open_callback(NULL, round % 3 ? called : NULL); break;
        case 2: emscripten_set_socket_connection_callback(NULL, round % 5 ? accepting : NULL); break;
        case 3: emscripten_set_socket_error_callback(NULL, round % 2 ? failing : NULL); break;
        case 4: emscripten_set_socket_close_callback(NULL, round % 2 ? called : NULL); break;
        case 5: close(any); break;
        case 6: shutdown(any, SHUT_RDWR); break;
        case 7: {
            int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
            connect_to(fd, to);
            break;
        }
        case 8: listen(socket(AF_INET, SOCK_STREAM, 0), 1); break;
        case 9: send_to(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, to); break;
        case 10: emscripten_dns_lookup_async("127.0.0.1", "1", NULL); break;
        default:
            if (emscripten_dns_lookup_result(any, &list) == 0) freeaddrinfo(list);
            dup2(any, any + 1);
        }
    }
    if (++done == THREADS) {
        fact("all have ended, on the main thread", !elsewhere);
        MAIN_THREAD_EM_ASM({ clearInterval(globalThis.goesOn); });
        emscripten_force_exit(0);
    }
    return NULL;
}

int main(void) {
    emscripten_set_socket_message_callback(NULL, called);
    emscripten_set_socket_connection_callback(NULL, accepting);
    udp_bound(AF_INET);
    to = local_addr(tcp_listener(AF_INET));
    /* Nothing else may keep the event loop running: somebody closes everything. */
    MAIN_THREAD_EM_ASM({ globalThis.goesOn = setInterval(() => {}, 1000); });
    for (intptr_t i = 0; i < THREADS; i++) start(disturbs, (void *)(i + 1));
    emscripten_exit_with_live_runtime();
}
