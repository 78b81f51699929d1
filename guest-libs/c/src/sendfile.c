/* sendfile, over guestnet's own function, by which the bytes go to a stream socket without coming here. To everything else
 * they are read and written. */
#include <sys/sendfile.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi.h"
#include "fd.h"

/* What one call moves at most, as on Linux, and how much of it at a time. */
#define MOST 0x7ffff000
#define PIECE 16384

/* Whether the rest is as Linux wants it of two files; sets errno where it is not. The host has looked at the source's mode. */
static int can_copy(int out, int in) {
    struct stat from;
    int mode = fcntl(out, F_GETFL);
    if (mode == -1 || fstat(in, &from) != 0) return 0;
    if ((mode & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return 0;
    }
    if (!S_ISREG(from.st_mode) || (mode & O_APPEND)) {
        errno = EINVAL;
        return 0;
    }
    return 1;
}

/* A piece is read where it stands and counts once it was written, so that nothing is lost where there is no room for all. */
static ssize_t copy(int out, int in, off_t *offset, size_t count) {
    static char piece[PIECE];
    if (!can_copy(out, in)) return -1;
    off_t begin = offset != NULL ? *offset : lseek(in, 0, SEEK_CUR);
    if (begin == -1) return -1;
    if (count > MOST) count = MOST;
    size_t done = 0;
    ssize_t moved = 0;
    while (done < count) {
        size_t left = count - done;
        ssize_t there = pread(in, piece, left < sizeof piece ? left : sizeof piece, begin + (off_t)done);
        if (there <= 0) {
            moved = there;
            break;
        }
        moved = write(out, piece, (size_t)there);
        if (moved <= 0) break;
        done += (size_t)moved;
    }
    if (done == 0 && moved < 0) return -1;
    if (offset != NULL) {
        *offset = begin + (off_t)done;
    } else {
        lseek(in, begin + (off_t)done, SEEK_SET);
    }
    return (ssize_t)done;
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    uint64_t sent = 0;
    int64_t from = GN_SENDFILE_POSITION;
    if (offset != NULL) from = *offset < 0 ? INT64_MIN : *offset;
    int error = __gn_sendfile(out, in, from, count, &sent);
    if (error == ENOTSOCK || error == ENOTSUP) return copy(out, in, offset, count);
    if (error != 0) return __gn_result(error);
    if (offset != NULL) *offset += (off_t)sent;
    return (ssize_t)sent;
}
