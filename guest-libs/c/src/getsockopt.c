/* getsockopt: fetches the whole value from the host, then hands it out as Linux does, cut to the caller's room. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "abi.h"
#include "option.h"

#define NAME_BYTES 16    /* IFNAMSIZ */
#define MOST_BYTES 512 /* more than a struct tcp_info of any Linux */

union value {
    int number;
    struct linger linger;
    struct timeval time;
    char name[NAME_BYTES];
    char bytes[MOST_BYTES];
};

static int fetch(int fd, const struct gn_option *option, union value *value, uint32_t *len) {
    switch (option->road) {
        case GN_ROAD_FACT:
            *len = sizeof value->number;
            return __gn_fact(fd, option->name, &value->number);
        case GN_ROAD_WAMR:
            *len = sizeof value->number;
            return __gn_wamr_get(fd, option, &value->number);
        case GN_ROAD_INT:
            *len = sizeof value->number;
            break;
        case GN_ROAD_LINGER:
            *len = sizeof value->linger;
            break;
        case GN_ROAD_TIME:
            *len = sizeof value->time;
            break;
        case GN_ROAD_NAME:
            *len = sizeof value->name;
            break;
        case GN_ROAD_BYTES:
            *len = sizeof value->bytes;
            break;
        case GN_ROAD_NONE:
            return ENOPROTOOPT;
    }
    return __gn_sock_getsockopt(fd, option->host_level, option->host_name, value, len);
}

int getsockopt(int fd, int level, int name, void *restrict out, socklen_t *restrict len) {
    if (len == NULL) return __gn_refuse(fd, EFAULT);
    if ((int)*len < 0) return __gn_refuse(fd, EINVAL);
    const struct gn_option *option = __gn_option(level, name);
    if (option->road == GN_ROAD_NONE) return __gn_result(__gn_option_unknown(fd, level, false));

    union value value;
    uint32_t full = 0;
    memset(&value, 0, sizeof value);
    int error = fetch(fd, option, &value, &full);
    if (error != 0) return __gn_result(error);
    if (full > sizeof value) full = sizeof value;
    socklen_t count = *len < full ? *len : full;
    /* IPv4 options fit a byte, and a caller with less room than an int gets one. */
    if (level == IPPROTO_IP && count > 0 && count < sizeof value.number) count = 1;
    if (count != 0 && out == NULL) return __gn_result(EFAULT);
    if (count != 0) memcpy(out, &value, count);
    *len = count;
    return 0;
}
