/* thread_server HOST PORT CONNECTIONS: an echo server whose threads block. Each of them accepts a client, sends back what
 * it receives until the client ends, and accepts the next one; after CONNECTIONS clients it ends.
 *
 * Plain POSIX, nothing of guestnet in it. Port 0 takes a free one; the address is printed.
 *
 *     cc -pthread -o thread_server thread_server.c                                                      for Linux
 *     emcc thread_server.c $(npx guestnet-emcc) -pthread -sPTHREAD_POOL_SIZE=4 -o thread_server.cjs     for Node, Deno and Bun
 *     emcc thread_server.c $(npx guestnet-emcc --web) -pthread -sPROXY_TO_PTHREAD -o thread_server.js   for an Isolated Web App
 */
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4, BUFFER = 16 * 1024 };

static int listener;
static atomic_long left; /* connections that are still to be accepted */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on(const char *host, const char *port) {
    struct addrinfo hints, *found;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s port %s: %s\n", host, port, gai_strerror(error));
        exit(1);
    }
    int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd < 0) fail("socket");
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0) fail("bind");
    if (listen(fd, 128) != 0) fail("listen");
    freeaddrinfo(found);
    return fd;
}

static void say_where(int fd) {
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0) fail("getsockname");
    int error = getnameinfo((struct sockaddr *)&addr, len, host, sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        exit(1);
    }
    printf(addr.ss_family == AF_INET6 ? "listening [%s]:%s\n" : "listening %s:%s\n", host, port);
    fflush(stdout);
}

static void echo(int fd) {
    char buffer[BUFFER];
    for (;;) {
        ssize_t held = recv(fd, buffer, sizeof buffer, 0);
        if (held < 0) fail("recv");
        if (held == 0) return;
        for (ssize_t given = 0; given < held;) {
            ssize_t n = send(fd, buffer + given, (size_t)(held - given), MSG_NOSIGNAL);
            if (n < 0) fail("send");
            given += n;
        }
    }
}

static void *serve(void *unused) {
    while (atomic_fetch_sub(&left, 1) > 0) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) fail("accept");
        echo(fd);
        close(fd);
    }
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: thread_server HOST PORT CONNECTIONS\n");
        return 2;
    }
    atomic_init(&left, strtol(argv[3], NULL, 10));
    listener = listen_on(argv[1], argv[2]);
    say_where(listener);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        int error = pthread_create(&threads[i], NULL, serve, NULL);
        if (error != 0) {
            fprintf(stderr, "pthread_create: %s\n", strerror(error));
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("done\n");
    return 0;
}
