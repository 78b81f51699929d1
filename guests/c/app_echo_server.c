/* app_echo_server HOST PORT CONNECTIONS: a TCP echo server, not a transcript test. Serves clients at once by poll,
 * prints "listening PORT", and ends when CONNECTIONS clients have gone. */
#include "t.h"

#define CLIENTS_MAX 256

struct client {
    int ended; /* the client sent its end */
    size_t given, held;
    unsigned char bytes[65536];
};
static struct client clients[CLIENTS_MAX];
static struct pollfd p[CLIENTS_MAX + 1];

/* Moves what can be moved; 0 when the client is done with. */
static int serve(int fd, struct client *c, int revents) {
    if (c->given == c->held && !c->ended && revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = recv(fd, c->bytes, sizeof c->bytes, 0);
        if (n < 0) return errno == EAGAIN;
        c->ended = n == 0;
        c->given = 0;
        c->held = (size_t)n;
    }
    while (c->given < c->held) {
        ssize_t n = send(fd, c->bytes + c->given, c->held - c->given, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN;
        c->given += (size_t)n;
    }
    return !c->ended;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST PORT CONNECTIONS\n", argv[0]);
        return 2;
    }
    struct addr a = ip(argv[1], atoi(argv[2]));
    int listener = tcp(a.sa.sa_family), total = atoi(argv[3]), accepted = 0, done = 0;
    must("SO_REUSEADDR", set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1));
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 128));
    set_nonblocking(listener, 1);
    printf("listening %d\n", port_of(local_addr(listener)));
    p[CLIENTS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < CLIENTS_MAX; i++) p[i].fd = -1;
    while (done < total) {
        p[CLIENTS_MAX].fd = accepted < total && accepted - done < CLIENTS_MAX ? listener : -1;
        for (int i = 0; i < CLIENTS_MAX; i++) p[i].events = clients[i].given < clients[i].held ? POLLOUT : POLLIN;
        must("poll", poll(p, CLIENTS_MAX + 1, -1));
        for (int i = 0; i < CLIENTS_MAX; i++) {
            if (p[i].fd < 0 || p[i].revents == 0 || serve(p[i].fd, &clients[i], p[i].revents)) continue;
            close(p[i].fd);
            p[i].fd = -1;
            done++;
        }
        if (p[CLIENTS_MAX].fd >= 0 && p[CLIENTS_MAX].revents & POLLIN) {
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
                if (p[i].fd < 0) {
                    p[i].fd = fd;
                    clients[i].ended = 0;
                    clients[i].given = clients[i].held = 0;
                    accepted++;
                    break;
                }
        }
    }
    printf("served %d\n", done);
    return 0;
}
