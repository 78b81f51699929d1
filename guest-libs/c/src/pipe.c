/* pipe, pipe2, over guestnet's own function. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "abi.h"
#include "fd.h"

int pipe2(int ends[2], int flags) {
    if (flags & ~(O_NONBLOCK | O_CLOEXEC)) return __gn_result(EINVAL);
    int fresh[2];
    int error = __gn_pipe(fresh);
    for (int i = 0; i < 2 && error == 0; i++) {
        if (flags & O_NONBLOCK) error = __gn_fd_fdstat_set_flags(fresh[i], GN_FDFLAG_NONBLOCK);
        __gn_set_cloexec(fresh[i], flags & O_CLOEXEC);
        ends[i] = fresh[i];
    }
    return __gn_result(error);
}

int pipe(int ends[2]) { return pipe2(ends, 0); }
