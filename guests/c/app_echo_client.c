/* app_echo_client HOST PORT COUNT: sends COUNT messages to a TCP echo server and checks the answers. HOST may be a
 * name. Not a transcript test. */
#include "t.h"
#include "gai.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST PORT COUNT\n", argv[0]);
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
    int count = atoi(argv[3]);
    for (int i = 0; i < count; i++) {
        char message[64], answer[64];
        int length = snprintf(message, sizeof message, "message %d of %d", i + 1, count);
        must("send", send(fd, message, (size_t)length, MSG_NOSIGNAL));
        if (must("recv", recv_all(fd, answer, (size_t)length)) != length ||
            memcmp(message, answer, (size_t)length) != 0) {
            printf("wrong answer to message %d\n", i + 1);
            return 1;
        }
    }
    must("shutdown", shutdown(fd, SHUT_WR));
    char byte;
    must("recv", recv(fd, &byte, 1, 0));
    printf("echoed %d\n", count);
    return 0;
}
