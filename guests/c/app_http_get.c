/* app_http_get HOST PORT PATH: one HTTP/1.0 request; prints the status line's number and the body's length. HOST may
 * be a name. Not a transcript test. */
#include "t.h"
#include "gai.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST PORT PATH\n", argv[0]);
        return 2;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int error = getaddrinfo(argv[1], argv[2], &hints, &list);
    if (error != 0) {
        printf("cannot look up %s: %s\n", argv[1], eai_name(error));
        return 1;
    }
    int fd = -1;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        fd = (int)must("socket", socket(a->ai_family, a->ai_socktype, a->ai_protocol));
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
        if (a->ai_next == NULL) must("connect", -1);
        close(fd);
    }
    freeaddrinfo(list);
    static char buffer[65536];
    int length = snprintf(buffer, sizeof buffer, "GET %s HTTP/1.0\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", argv[3],
                          argv[1], argv[2]);
    must("send", send(fd, buffer, (size_t)length, MSG_NOSIGNAL));

    /* The head has to fit in the buffer; the body is counted and not kept. */
    size_t held = 0, body = 0;
    char *end = NULL;
    for (;;) {
        char *into = end == NULL ? buffer + held : buffer;
        size_t room = end == NULL ? sizeof buffer - 1 - held : sizeof buffer;
        ssize_t n = must("recv", recv(fd, into, room, 0));
        if (n == 0) break;
        if (end != NULL) {
            body += (size_t)n;
            continue;
        }
        held += (size_t)n;
        buffer[held] = '\0';
        end = strstr(buffer, "\r\n\r\n");
        if (end != NULL) {
            int status = 0;
            if (sscanf(buffer, "HTTP/%*d.%*d %d", &status) == 1) printf("status %d\n", status);
            body = held - (size_t)(end + 4 - buffer);
        }
        if (end == NULL && held == sizeof buffer - 1) break;
    }
    if (end == NULL) {
        printf("no HTTP answer\n");
        return 1;
    }
    printf("body %lu\n", (unsigned long)body);
    return 0;
}
