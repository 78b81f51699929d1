/* Socket addresses between POSIX's structures and the host's bytes. What an address may be used for is the host's to
 * judge. IPv6 scopes and flow labels have no place in the host's form and are dropped. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "unix_path.h"

#define FAMILY_BYTES 2
#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

void __gn_name_out(struct gn_name *name) {
    memset(name->bytes, 0, sizeof name->bytes);
    name->address.bytes = name->bytes;
    name->address.len = sizeof name->bytes;
    name->port = 0;
}

int __gn_name_family(const struct gn_name *name) { return name->bytes[0] | name->bytes[1] << 8; }

static int from_unix(struct gn_name *name, const struct sockaddr_un *un, socklen_t len) {
    size_t room = len - PATH_OFFSET < sizeof un->sun_path ? len - PATH_OFFSET : sizeof un->sun_path;
    size_t path = strnlen(un->sun_path, room);
    /* No path: Linux would choose or take an abstract name, which is outside every directory of the guest. */
    if (path == 0) return EOPNOTSUPP;
    __gn_name_out(name);
    name->bytes[0] = AF_UNIX;
    return __gn_path_for_host(un->sun_path, path, (char *)name->bytes + FAMILY_BYTES);
}

int __gn_name_from(struct gn_name *name, const struct sockaddr *addr, socklen_t len) {
    name->address.bytes = name->bytes;
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        name->address.len = sizeof in.sin_addr;
        memcpy(name->bytes, &in.sin_addr, sizeof in.sin_addr);
        name->port = ntohs(in.sin_port);
        return 0;
    }
    if (addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, SIN6_LEN_RFC2133);
        name->address.len = sizeof in6.sin6_addr;
        memcpy(name->bytes, &in6.sin6_addr, sizeof in6.sin6_addr);
        name->port = ntohs(in6.sin6_port);
        return 0;
    }
    if (addr->sa_family == AF_UNIX) return from_unix(name, (const struct sockaddr_un *)addr, len);
    return EAFNOSUPPORT;
}

static socklen_t to_unix(const uint8_t *data, struct sockaddr_storage *to) {
    struct sockaddr_un *un = (struct sockaddr_un *)to;
    char host[GN_PATH_ROOM + 1] = {0}; /* a path may fill the host's form and lack its NUL */
    memcpy(host, data, GN_PATH_ROOM);
    un->sun_family = AF_UNIX;
    const char *path = __gn_path_given(host);
    size_t len = strnlen(path, sizeof un->sun_path);
    /* wasi-go writes "@" for a socket without a name, WasmEdge writes nothing. */
    if (len == 0 || (len == 1 && path[0] == '@')) return PATH_OFFSET;
    memcpy(un->sun_path, path, len);
    return (socklen_t)(PATH_OFFSET + len + (len < sizeof un->sun_path));
}

socklen_t __gn_name_to(const struct gn_name *name, struct sockaddr_storage *to) {
    const uint8_t *data = name->bytes + FAMILY_BYTES;
    memset(to, 0, sizeof *to);
    switch (__gn_name_family(name)) {
        case AF_INET: {
            struct sockaddr_in *in = (struct sockaddr_in *)to;
            in->sin_family = AF_INET;
            in->sin_port = htons((uint16_t)name->port);
            memcpy(&in->sin_addr, data, sizeof in->sin_addr);
            return sizeof *in;
        }
        case AF_INET6: {
            struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
            in6->sin6_family = AF_INET6;
            in6->sin6_port = htons((uint16_t)name->port);
            memcpy(&in6->sin6_addr, data, sizeof in6->sin6_addr);
            return sizeof *in6;
        }
        case AF_UNIX:
            return to_unix(data, to);
        default:
            return 0;
    }
}

int __gn_copy_out(const struct sockaddr_storage *from, socklen_t full, struct sockaddr *to, socklen_t *len) {
    if (len == NULL) return EFAULT;
    if ((int)*len < 0) return EINVAL;
    socklen_t count = *len < full ? *len : full;
    if (count != 0 && to == NULL) return EFAULT;
    if (count != 0) memcpy(to, from, count);
    *len = full;
    return 0;
}

bool __gn_is_whole(const struct sockaddr *addr, socklen_t len) {
    return (len == sizeof(struct sockaddr_in) && addr->sa_family == AF_INET) ||
           (len == sizeof(struct sockaddr_in6) && addr->sa_family == AF_INET6);
}

int __gn_check_address(int socket_family, const struct sockaddr *addr, socklen_t len) {
    if (socket_family == AF_UNIX)
        return len <= PATH_OFFSET || len > sizeof(struct sockaddr_un) || addr->sa_family != AF_UNIX ? EINVAL : 0;
    socklen_t least = socket_family == AF_INET6 ? SIN6_LEN_RFC2133 : sizeof(struct sockaddr_in);
    if (len < least) return EINVAL;
    return addr->sa_family == socket_family ? 0 : EAFNOSUPPORT;
}
