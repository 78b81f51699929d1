/* app_udp_client HOST PORT COUNT: sends COUNT datagrams, one after the other, to a UDP echo server and checks the
 * answers. Not a transcript test. */
#include "t.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST PORT COUNT\n", argv[0]);
        return 2;
    }
    struct addr a = ip(argv[1], atoi(argv[2]));
    int fd = udp(a.sa.sa_family), count = atoi(argv[3]);
    must("connect", connect_to(fd, a));
    for (int i = 0; i < count; i++) {
        char message[64], answer[64];
        int length = snprintf(message, sizeof message, "datagram %d of %d", i + 1, count);
        must("send", send(fd, message, (size_t)length, 0));
        wait_readable(fd);
        if (must("recv", recv(fd, answer, sizeof answer, 0)) != length ||
            memcmp(message, answer, (size_t)length) != 0) {
            printf("wrong answer to datagram %d\n", i + 1);
            return 1;
        }
    }
    printf("echoed %d\n", count);
    return 0;
}
