/* poll, ppoll. The signal mask of ppoll is ignored: there are no signals. */
#define _GNU_SOURCE /* POLLRDHUP, ppoll */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "fd.h"
#include "wait.h"

#define SMALL 16         /* descriptors that need no allocation */
#define COUNT_MAX 1048576 /* more are EINVAL, as above RLIMIT_NOFILE on Linux */

static int poll_for(struct pollfd *fds, nfds_t count, uint64_t timeout) {
    struct gn_wait small[SMALL];
    struct gn_wait *items = small;
    if (count > COUNT_MAX) return __gn_result(EINVAL);
    if (fds == NULL && count != 0) return __gn_result(EFAULT);
    if (count > SMALL) {
        items = malloc(count * sizeof *items);
        if (items == NULL) return __gn_result(ENOMEM);
    }
    for (nfds_t i = 0; i < count; i++) {
        items[i].fd = fds[i].fd;
        items[i].want = fds[i].events | POLLERR | POLLHUP;
    }
    int result = __gn_wait(items, count, timeout);
    if (result >= 0)
        for (nfds_t i = 0; i < count; i++) fds[i].revents = items[i].revents;
    if (items != small) free(items);
    return result;
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
    return poll_for(fds, count, timeout < 0 ? GN_FOREVER : (uint64_t)timeout * 1000000);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *span, const sigset_t *mask) {
    (void)mask;
    uint64_t timeout;
    int error = __gn_span(span, &timeout);
    if (error != 0) return __gn_result(error);
    return poll_for(fds, count, timeout);
}
