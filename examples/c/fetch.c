/* fetch HOST PORT PATH: an HTTP/1.0 client with blocking calls and a receive timeout; the body goes to stdout and
 * the status line to stderr.
 *
 *     guestnet run --allow-connect 127.0.0.1:80 fetch.wasm 127.0.0.1 80 /
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int connect_to(const char *host, const char *port) {
    struct addrinfo hints, *found;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s port %s: %s\n", host, port, gai_strerror(error));
        exit(1);
    }
    int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd < 0) fail("socket");
    struct timeval patience = {.tv_sec = 30};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) fail("SO_RCVTIMEO");
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) fail("connect");
    freeaddrinfo(found);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: fetch HOST PORT PATH\n");
        return 2;
    }
    int fd = connect_to(argv[1], argv[2]);
    char buffer[16 * 1024];
    int length = snprintf(buffer, sizeof buffer, "GET %s HTTP/1.0\r\nHost: %s:%s\r\n\r\n", argv[3], argv[1], argv[2]);
    if (length < 0 || (size_t)length >= sizeof buffer) {
        fprintf(stderr, "the path is too long\n");
        return 2;
    }
    for (int sent = 0; sent < length;) {
        ssize_t n = send(fd, buffer + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        if (n < 0) fail("send");
        sent += (int)n;
    }
    /* The head ends at an empty line, which a server may cut anywhere: count how much of it has been seen. */
    const char *end = "\r\n\r\n";
    size_t seen = 0;
    int status_line = 1;
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0) fail("recv");
        if (n == 0) break;
        ssize_t i = 0;
        for (; i < n && end[seen] != '\0'; i++) {
            if (status_line && buffer[i] != '\r') fputc(buffer[i], stderr);
            if (buffer[i] == '\n') status_line = 0;
            seen = buffer[i] == end[seen] ? seen + 1 : buffer[i] == end[0];
        }
        if (fwrite(buffer + i, 1, (size_t)(n - i), stdout) != (size_t)(n - i)) fail("write");
    }
    close(fd);
    if (end[seen] != '\0') {
        fprintf(stderr, "the answer has no head\n");
        return 1;
    }
    return 0;
}
