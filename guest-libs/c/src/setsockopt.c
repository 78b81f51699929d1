/* setsockopt: checks the length as Linux does, then hands the value to the host. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "abi.h"
#include "option.h"

static int set_time(int fd, const struct gn_option *option, const void *value, socklen_t len) {
    struct timeval time;
    if (len < sizeof time) return __gn_refuse(fd, EINVAL);
    memcpy(&time, value, sizeof time);
    if (time.tv_usec < 0 || time.tv_usec >= 1000000) return __gn_refuse(fd, EDOM);
    return __gn_result(__gn_sock_setsockopt(fd, option->host_level, option->host_name, &time, sizeof time));
}

/* An int; IPv4 options may be given as a byte. */
static int set_int(int fd, const struct gn_option *option, const void *value, socklen_t len) {
    int number = 0;
    if (len == 0) return __gn_refuse(fd, EINVAL);
    memcpy(&number, value, len < sizeof number ? 1 : sizeof number);
    return __gn_result(__gn_sock_setsockopt(fd, option->host_level, option->host_name, &number, sizeof number));
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
    const struct gn_option *option = __gn_option(level, name);
    bool is_name = option->road == GN_ROAD_NAME || option->road == GN_ROAD_BYTES;
    if ((int)len < 0) return __gn_refuse(fd, EINVAL);
    bool takes_int = !is_name && (level == SOL_SOCKET || level == IPPROTO_TCP || level == IPPROTO_IPV6);
    if (takes_int && len < sizeof(int)) return __gn_refuse(fd, EINVAL);
    if (option->road == GN_ROAD_NONE || option->read_only) return __gn_result(__gn_option_unknown(fd, level, true));
    if (value == NULL && len != 0) return __gn_refuse(fd, EFAULT);

    switch (option->road) {
        case GN_ROAD_TIME:
            return set_time(fd, option, value, len);
        case GN_ROAD_LINGER:
            if (len < sizeof(struct linger)) return __gn_refuse(fd, EINVAL);
            len = sizeof(struct linger);
            break;
        case GN_ROAD_WAMR: {
            int error = __gn_wamr_set(fd, option, value, len);
            return error == EINVAL || error == EOPNOTSUPP ? __gn_refuse(fd, error) : __gn_result(error);
        }
        case GN_ROAD_INT:
            return set_int(fd, option, value, len);
        case GN_ROAD_NAME:
        case GN_ROAD_BYTES:
        case GN_ROAD_FACT:
        case GN_ROAD_NONE:
            break;
    }
    return __gn_result(__gn_sock_setsockopt(fd, option->host_level, option->host_name, value, len));
}
