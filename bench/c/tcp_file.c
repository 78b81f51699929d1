/* tcp_file sendfile PORT FILE BYTES | tcp_file copy PORT FILE BYTES: sends the file again and again, by sendfile(2), or by pread(2) and
 * send(2) of 64 KiB. */
#include "bench.h"

#include <sys/sendfile.h>
#include <sys/stat.h>

BUFFER buffer[65536];

static size_t copy(int fd, int file, off_t at, size_t size) {
    if (size > sizeof buffer) size = sizeof buffer;
    size_t have = (size_t)must("pread", pread(file, buffer, size, at));
    for (size_t done = 0; done < have;)
        done += (size_t)must("send", send(fd, buffer + done, have - done, MSG_NOSIGNAL));
    return have;
}

int main(int argc, char **argv) {
    uint64_t left = number(argc, argv, 4);
    int fd = connected((uint16_t)number(argc, argv, 2));
    int file = (int)must("open", open(argv[3], O_RDONLY));
    int copying = strcmp(argv[1], "copy") == 0;
    struct stat stat;
    must("fstat", fstat(file, &stat));
    for (off_t at = 0; left != 0; at %= stat.st_size) {
        size_t size = left < (uint64_t)(stat.st_size - at) ? (size_t)left : (size_t)(stat.st_size - at);
        off_t before = at;
        if (copying)
            at += (off_t)copy(fd, file, at, size);
        else
            must("sendfile", sendfile(fd, file, &at, size));
        if (at == before) fail("the file ends early");
        left -= (uint64_t)(at - before);
    }
    return close(fd);
}
