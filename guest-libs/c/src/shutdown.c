/* shutdown. */
#include <errno.h>
#include <sys/socket.h>

#include "abi.h"
#include "fd.h"

int shutdown(int fd, int how) {
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return __gn_refuse(fd, EINVAL);
    return __gn_result(__gn_sock_shutdown(fd, how));
}
