/* echo_server HOST PORT [CONNECTIONS]: sends back what it receives, to many clients at once.
 *
 * Plain POSIX, nothing of guestnet in it: getaddrinfo, poll and non-blocking sockets. Port 0 takes a free one; the
 * address is printed. After CONNECTIONS clients have come and gone it ends; without that number it serves for ever.
 *
 *     cc -o echo_server echo_server.c                     for Linux
 *     cargo xtask guests examples                         for wasip1 as well
 *     guestnet run --allow-listen '127.0.0.1:*' echo_server.wasm 127.0.0.1 0
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 256, BUFFER = 16 * 1024 };

/* What a client has sent and not yet got back: bytes [from, to) of data. */
struct client {
    int open;
    int ended; /* it will send no more */
    size_t from, to;
    char data[BUFFER];
};

static struct pollfd fds[1 + MAX_CLIENTS]; /* fds[0] is the listener; fds[1 + i] belongs to clients[i] */
static struct client clients[MAX_CLIENTS];

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
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) fail("setsockopt");
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

static void set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) fail("fcntl");
}

static void accept_one(int listener) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
        fail("accept");
    }
    for (int i = 0; i < MAX_CLIENTS; i++) {
        if (clients[i].open) continue;
        set_nonblocking(fd);
        clients[i].open = 1;
        clients[i].ended = 0;
        clients[i].from = clients[i].to = 0;
        fds[1 + i].fd = fd;
        return;
    }
    close(fd);
}

/* Receives once or sends once; gives 0 when the client is done. */
static int serve(struct client *c, int fd, short events) {
    if (c->from == c->to && events & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = recv(fd, c->data, sizeof c->data, 0);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        c->ended = n == 0;
        c->from = 0;
        c->to = (size_t)n;
    }
    if (c->from < c->to) {
        ssize_t n = send(fd, c->data + c->from, c->to - c->from, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        c->from += (size_t)n;
    }
    return c->from < c->to || !c->ended;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: echo_server HOST PORT [CONNECTIONS]\n");
        return 2;
    }
    long left = argc > 3 ? strtol(argv[3], NULL, 10) : -1;
    int listener = listen_on(argv[1], argv[2]);
    set_nonblocking(listener);
    say_where(listener);
    for (int i = 0; i <= MAX_CLIENTS; i++) fds[i].fd = -1;
    fds[0].fd = listener;
    fds[0].events = POLLIN;
    while (left != 0) {
        for (int i = 0; i < MAX_CLIENTS; i++) {
            if (clients[i].open) fds[1 + i].events = clients[i].from < clients[i].to ? POLLOUT : POLLIN;
        }
        if (poll(fds, 1 + MAX_CLIENTS, -1) < 0 && errno != EINTR) fail("poll");
        if (fds[0].revents) accept_one(listener);
        for (int i = 0; i < MAX_CLIENTS; i++) {
            if (!clients[i].open || !fds[1 + i].revents) continue;
            if (serve(&clients[i], fds[1 + i].fd, fds[1 + i].revents)) continue;
            close(fds[1 + i].fd);
            fds[1 + i].fd = -1;
            fds[1 + i].revents = 0;
            clients[i].open = 0;
            if (left > 0) left--;
        }
    }
    printf("done\n");
    return 0;
}
