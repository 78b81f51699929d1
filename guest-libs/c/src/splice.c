/* splice, over guestnet's own function. Neither a pipe nor a socket has offsets; splicing a file is EINVAL, as on a file system that
 * cannot. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#include "abi.h"
#include "fd.h"

/* Why there can be no offset here. */
static int offset_error(int fd) {
    struct gn_fdstat stat;
    int error = __gn_fd_fdstat_get(fd, &stat);
    if (error != 0) return error;
    return stat.filetype == GN_FILETYPE_UNKNOWN ? ESPIPE : EINVAL;
}

ssize_t splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t count, unsigned flags) {
    size_t moved = 0;
    int error = 0;
    if (count == 0) return 0;
    if (in_offset != NULL) error = offset_error(in);
    if (error == 0 && out_offset != NULL) error = offset_error(out);
    if (error == 0) error = __gn_splice(in, out, count, flags, &moved);
    return error != 0 ? __gn_result(error) : (ssize_t)moved;
}
