/* app_buffers: a guest that may use no network and has the kernel hold memory for it all the same. Prints what it got, and why no
 * more; tests/tests/attacks/buffers.rs judges. What an ABI does not have is ENOSYS or the like, and counts as none.
 *
 *   sockets        UNIX sockets, until there is none: "COUNT then ERRNO"
 *   pairs          pairs of them
 *   pipes          pipes
 *   half           pipes of which it closes an end each time
 *   raised         UDP sockets with the largest buffers that SO_SNDBUF and SO_RCVBUF give: "BYTES of COUNT then ERRNO"
 *   again          raises, fills, lowers and raises the buffer of one UNIX pair: "held BYTES"
 */
#include "t.h"

enum { MOST = 20000 };

static int held(const char *mode) {
    for (int count = 0; count < MOST; count++) {
        int pair[2] = {-1, -1}, error;
        if (strcmp(mode, "sockets") == 0)
            error = socket(AF_UNIX, SOCK_STREAM, 0);
        else if (strcmp(mode, "pairs") == 0)
            error = socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
        else
            error = pipe(pair);
        if (error < 0) {
            printf("%d then %s\n", count, errno_name(errno));
            return 0;
        }
        if (strcmp(mode, "half") == 0) close(pair[count % 2]);
    }
    printf("%d then nothing\n", MOST);
    return 0;
}

static int raised(void) {
    long bytes = 0;
    for (int count = 0; count < MOST; count++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        for (int name = 0; name < 2 && fd >= 0; name++) {
            int option = name == 0 ? SO_SNDBUF : SO_RCVBUF, value = 1 << 20, error;
            if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof value) != 0) {
                error = errno;
                close(fd);
                errno = error;
                fd = -1;
                break;
            }
            bytes += int_option(fd, SOL_SOCKET, option);
        }
        if (fd < 0) {
            printf("%ld of %d then %s\n", bytes, count, errno_name(errno));
            return 0;
        }
    }
    printf("%ld of %d then nothing\n", bytes, MOST);
    return 0;
}

/* Fills one end; how much it took. */
static long fill(int fd) {
    static char block[65536];
    long bytes = 0;
    ssize_t count;
    while ((count = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) bytes += count;
    return bytes;
}

static int again(void) {
    long total = 0;
    for (int count = 0; count < MOST; count++) {
        int pair[2], value = 4 << 20, low = 1;
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) break;
        for (int end = 0; end < 2; end++) {
            setsockopt(pair[end], SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
            total += fill(pair[end]);
            setsockopt(pair[end], SOL_SOCKET, SO_SNDBUF, &low, sizeof low);
            setsockopt(pair[end], SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
            total += fill(pair[end]);
        }
    }
    printf("held %ld\n", total);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    if (strcmp(argv[1], "raised") == 0) return raised();
    if (strcmp(argv[1], "again") == 0) return again();
    return held(argv[1]);
}
