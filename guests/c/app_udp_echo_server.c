/* app_udp_echo_server HOST PORT COUNT: echoes COUNT datagrams, then ends. Prints "listening PORT". Not a transcript
 * test. */
#include "t.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST PORT COUNT\n", argv[0]);
        return 2;
    }
    struct addr a = ip(argv[1], atoi(argv[2])), from;
    int fd = udp(a.sa.sa_family), count = atoi(argv[3]);
    must("bind", bind_to(fd, a));
    printf("listening %d\n", port_of(local_addr(fd)));
    static char datagram[65536];
    for (int i = 0; i < count; i++) {
        from.len = sizeof from.storage;
        ssize_t n = must("recvfrom", recvfrom(fd, datagram, sizeof datagram, 0, &from.sa, &from.len));
        must("sendto", send_to(fd, datagram, (size_t)n, from));
    }
    printf("served %d\n", count);
    return 0;
}
