/* echo_client HOST PORT BYTES: sends BYTES to an echo server, receives them back meanwhile, and compares.
 *
 *     guestnet run --allow-connect 127.0.0.1:7 echo_client.wasm 127.0.0.1 7 1000000
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 16 * 1024 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Connects to the first address that answers. */
static int connect_to(const char *host, const char *port) {
    struct addrinfo hints, *found;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s port %s: %s\n", host, port, gai_strerror(error));
        exit(1);
    }
    int fd = -1;
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd < 0) continue;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
        int saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    if (fd < 0) fail("connect");
    freeaddrinfo(found);
    return fd;
}

/* The byte at a position of the stream: no period that a buffer could hide. */
static char byte_at(long position) {
    return (char)(position ^ position >> 8 ^ position >> 16);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: echo_client HOST PORT BYTES\n");
        return 2;
    }
    long total = strtol(argv[3], NULL, 10), sent = 0, received = 0;
    int fd = connect_to(argv[1], argv[2]);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) fail("fcntl");
    char buffer[BUFFER];
    int ended = 0;
    for (;;) {
        if (sent == total && !ended) {
            if (shutdown(fd, SHUT_WR) != 0) fail("shutdown");
            ended = 1;
        }
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (sent < total) ready.events |= POLLOUT;
        if (poll(&ready, 1, -1) < 0 && errno != EINTR) fail("poll");
        if (ready.revents & POLLOUT && sent < total) {
            size_t n = 0;
            while (n < sizeof buffer && sent + (long)n < total) {
                buffer[n] = byte_at(sent + (long)n);
                n++;
            }
            ssize_t taken = send(fd, buffer, n, MSG_NOSIGNAL);
            if (taken < 0 && errno != EAGAIN) fail("send");
            if (taken > 0) sent += taken;
        }
        if (ready.revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t n = recv(fd, buffer, sizeof buffer, 0);
            if (n < 0 && errno != EAGAIN) fail("recv");
            if (n == 0) break;
            for (ssize_t i = 0; i < n; i++) {
                if (buffer[i] == byte_at(received + i)) continue;
                fprintf(stderr, "byte %ld came back changed\n", received + (long)i);
                return 1;
            }
            if (n > 0) received += n;
        }
    }
    if (received != total) {
        fprintf(stderr, "%ld bytes sent, %ld came back\n", total, received);
        return 1;
    }
    printf("%ld bytes came back as they were sent\n", total);
    return 0;
}
