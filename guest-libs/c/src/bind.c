/* bind, listen. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "abi.h"
#include "address.h"
#include "fd.h"
#include "unix_path.h"

/* Linux takes an IPv4 wildcard whose family was left 0. */
static bool is_unspec_wildcard(const struct sockaddr *addr) {
    struct sockaddr_in in;
    memcpy(&in, addr, sizeof in);
    return in.sin_family == AF_UNSPEC && in.sin_addr.s_addr == INADDR_ANY;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len) {
    struct gn_socket socket;
    int error = __gn_socket_of(fd, &socket);
    if (error != 0) return __gn_result(error);
    if (len > sizeof(struct sockaddr_storage)) return __gn_result(EINVAL);
    if (addr == NULL && len != 0) return __gn_result(EFAULT);

    struct sockaddr_in wildcard;
    error = __gn_check_address(socket.family, addr, len);
    if (error == EAFNOSUPPORT && socket.family == AF_INET && is_unspec_wildcard(addr)) {
        memcpy(&wildcard, addr, sizeof wildcard);
        wildcard.sin_family = AF_INET;
        addr = (const struct sockaddr *)&wildcard;
        error = 0;
    }
    struct gn_name name;
    if (error == 0) error = __gn_name_from(&name, addr, len);
    if (error == 0) error = __gn_sock_bind(fd, &name.address, name.port);
    if (error == 0 && socket.family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
        const char *host = (const char *)name.bytes + offsetof(struct sockaddr_un, sun_path);
        __gn_path_bound(un->sun_path, strnlen(un->sun_path, len - offsetof(struct sockaddr_un, sun_path)), host);
    }
    return __gn_result(error);
}

int listen(int fd, int backlog) { return __gn_result(__gn_sock_listen(fd, backlog)); }
