/* Options that only WAMR's lib-socket has a function for. A program that uses getsockopt or setsockopt imports these
 * functions, so a host without them does not start it: compile this file with -DGUESTNET_NO_WAMR for such a host, and
 * the options are ENOPROTOOPT. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "abi.h"
#include "option.h"

#ifdef GUESTNET_NO_WAMR

int __gn_wamr_get(int fd, const struct gn_option *option, int *value) {
    (void)value;
    return __gn_option_unknown(fd, option->level, false);
}

int __gn_wamr_set(int fd, const struct gn_option *option, const void *value, socklen_t len) {
    (void)value, (void)len;
    return __gn_option_unknown(fd, option->level, true);
}

#else

/* WAMR's addr_ip: IPv4 as octets, IPv6 as eight numbers in host order. */
struct wamr_ip {
    int32_t kind;
    union {
        uint8_t v4[4];
        uint16_t v6[8];
    } ip;
};
#define WAMR_IPV4 0
#define WAMR_IPV6 1
_Static_assert(sizeof(struct wamr_ip) == 20, "addr_ip");

/* Values come out as one byte; a zeroed int takes it and whatever is wider. */
int __gn_sock_get_reuse_port(int fd, int *on) GN_IMPORT(sock_get_reuse_port);
int __gn_sock_set_reuse_port(int fd, int on) GN_IMPORT(sock_set_reuse_port);
int __gn_sock_get_tcp_fastopen_connect(int fd, int *on) GN_IMPORT(sock_get_tcp_fastopen_connect);
int __gn_sock_set_tcp_fastopen_connect(int fd, int on) GN_IMPORT(sock_set_tcp_fastopen_connect);
int __gn_sock_get_ip_ttl(int fd, int *ttl) GN_IMPORT(sock_get_ip_ttl);
int __gn_sock_set_ip_ttl(int fd, int ttl) GN_IMPORT(sock_set_ip_ttl);
int __gn_sock_get_ip_multicast_ttl(int fd, int *ttl) GN_IMPORT(sock_get_ip_multicast_ttl);
int __gn_sock_set_ip_multicast_ttl(int fd, int ttl) GN_IMPORT(sock_set_ip_multicast_ttl);
int __gn_sock_get_ip_multicast_loop(int fd, int ipv6, int *on) GN_IMPORT(sock_get_ip_multicast_loop);
int __gn_sock_set_ip_multicast_loop(int fd, int ipv6, int on) GN_IMPORT(sock_set_ip_multicast_loop);
int __gn_sock_set_ip_add_membership(int fd, const struct wamr_ip *, uint32_t interface)
    GN_IMPORT(sock_set_ip_add_membership);
int __gn_sock_set_ip_drop_membership(int fd, const struct wamr_ip *, uint32_t interface)
    GN_IMPORT(sock_set_ip_drop_membership);

#define DEFAULT_TTL 64 /* what -1 stands for on Linux */
#define DEFAULT_MULTICAST_TTL 1

int __gn_wamr_get(int fd, const struct gn_option *option, int *value) {
    *value = 0;
    if (option->level == SOL_SOCKET && option->name == SO_REUSEPORT) return __gn_sock_get_reuse_port(fd, value);
    if (option->level == IPPROTO_TCP) return __gn_sock_get_tcp_fastopen_connect(fd, value);
    if (option->level == IPPROTO_IP) switch (option->name) {
            case IP_TTL:
                return __gn_sock_get_ip_ttl(fd, value);
            case IP_MULTICAST_TTL:
                return __gn_sock_get_ip_multicast_ttl(fd, value);
            case IP_MULTICAST_LOOP:
                return __gn_sock_get_ip_multicast_loop(fd, 0, value);
        }
    return __gn_option_unknown(fd, option->level, false);
}

static int membership(int fd, bool add, const struct wamr_ip *group, uint32_t interface) {
    return add ? __gn_sock_set_ip_add_membership(fd, group, interface)
               : __gn_sock_set_ip_drop_membership(fd, group, interface);
}

/* struct ip_mreq, and struct ip_mreqn with no index: WAMR names an IPv4 interface by its address. */
static int membership4(int fd, bool add, const void *value, socklen_t len) {
    uint32_t words[3] = {0};
    if (len < 2 * sizeof *words) return EINVAL;
    memcpy(words, value, len < sizeof words ? 2 * sizeof *words : sizeof words);
    if (words[2] != 0) return EOPNOTSUPP;
    struct wamr_ip group = {.kind = WAMR_IPV4};
    memcpy(group.ip.v4, words, sizeof group.ip.v4);
    return membership(fd, add, &group, words[1]);
}

static int membership6(int fd, bool add, const void *value, socklen_t len) {
    struct ipv6_mreq request;
    if (len < sizeof request) return EINVAL;
    memcpy(&request, value, sizeof request);
    struct wamr_ip group = {.kind = WAMR_IPV6};
    for (int i = 0; i < 8; i++) {
        const unsigned char *octets = request.ipv6mr_multiaddr.s6_addr + 2 * i;
        group.ip.v6[i] = (uint16_t)(octets[0] << 8 | octets[1]);
    }
    return membership(fd, add, &group, request.ipv6mr_interface);
}

/* A value that no socket takes: EINVAL, but a UNIX socket has no such option to begin with. */
static int bad_value(int fd) {
    struct gn_socket socket;
    int error = __gn_socket_of(fd, &socket);
    if (error != 0) return error;
    return socket.family == AF_UNIX ? EOPNOTSUPP : EINVAL;
}

/* IPv4 options take an int or, when shorter, a byte. */
static int number4(int fd, int name, const void *value, socklen_t len) {
    int number = 0;
    unsigned char byte = 0;
    if (len < 1) return EINVAL;
    memcpy(&byte, value, 1);
    if (len < sizeof number)
        number = byte;
    else
        memcpy(&number, value, sizeof number);
    switch (name) {
        case IP_TTL:
            if (number == -1) number = DEFAULT_TTL;
            return number < 1 || number > 255 ? bad_value(fd) : __gn_sock_set_ip_ttl(fd, number);
        case IP_MULTICAST_TTL:
            if (number == -1) number = DEFAULT_MULTICAST_TTL;
            return number < 0 || number > 255 ? bad_value(fd) : __gn_sock_set_ip_multicast_ttl(fd, number);
        default:
            return __gn_sock_set_ip_multicast_loop(fd, 0, number != 0);
    }
}

int __gn_wamr_set(int fd, const struct gn_option *option, const void *value, socklen_t len) {
    if (option->level == SOL_SOCKET || option->level == IPPROTO_TCP) {
        int on;
        memcpy(&on, value, sizeof on);
        return option->level == SOL_SOCKET ? __gn_sock_set_reuse_port(fd, on != 0)
                                           : __gn_sock_set_tcp_fastopen_connect(fd, on != 0);
    }
    if (option->level == IPPROTO_IPV6) return membership6(fd, option->name == IPV6_JOIN_GROUP, value, len);
    if (option->name == IP_ADD_MEMBERSHIP || option->name == IP_DROP_MEMBERSHIP)
        return membership4(fd, option->name == IP_ADD_MEMBERSHIP, value, len);
    return number4(fd, option->name, value, len);
}

#endif
