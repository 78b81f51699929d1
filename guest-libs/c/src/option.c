/* The table of socket options, and what Linux says of one that is not in it.
 *
 * WasmEdge's extension has SOL_SOCKET options only, under numbers of its own. TCP and IPv6 options go the same way
 * with Linux's levels and numbers, as wasi-go began with TCP_NODELAY; guestnet takes them, others refuse them. IPv4's
 * level is 0, which is WasmEdge's SOL_SOCKET, so those options go through WAMR's functions; those that WAMR lacks
 * have numbers of their own. */
#include "option.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "abi.h"

#define SOCKET_INT(name) {SOL_SOCKET, SO_##name, GN_ROAD_INT, GN_LEVEL_SOCKET, GN_SO_##name, false}
#define SOCKET(name, road) {SOL_SOCKET, SO_##name, GN_ROAD_##road, GN_LEVEL_SOCKET, GN_SO_##name, false}
#define SOCKET_READ(name) {SOL_SOCKET, SO_##name, GN_ROAD_INT, GN_LEVEL_SOCKET, GN_SO_##name, true}
#define FACT(name) {SOL_SOCKET, SO_##name, GN_ROAD_FACT, 0, 0, true}
#define TCP(name) {IPPROTO_TCP, TCP_##name, GN_ROAD_INT, GN_LEVEL_TCP, TCP_##name, false}
#define TCP_BYTES(name, read_only) {IPPROTO_TCP, TCP_##name, GN_ROAD_BYTES, GN_LEVEL_TCP, TCP_##name, read_only}
#define IPV6(name) {IPPROTO_IPV6, IPV6_##name, GN_ROAD_INT, GN_LEVEL_IPV6, IPV6_##name, false}
#define WAMR(level, name) {level, name, GN_ROAD_WAMR, 0, 0, false}

static const struct gn_option options[] = {
    SOCKET_INT(REUSEADDR),
    SOCKET_INT(DONTROUTE),
    SOCKET_INT(BROADCAST),
    SOCKET_INT(SNDBUF),
    SOCKET_INT(RCVBUF),
    SOCKET_INT(KEEPALIVE),
    SOCKET_INT(OOBINLINE),
    SOCKET_INT(RCVLOWAT),
    SOCKET(LINGER, LINGER),
    SOCKET(RCVTIMEO, TIME),
    SOCKET(SNDTIMEO, TIME),
    SOCKET(BINDTODEVICE, NAME),
    SOCKET_READ(ERROR),
    SOCKET_READ(ACCEPTCONN),
    FACT(TYPE),
    FACT(DOMAIN),
    FACT(PROTOCOL),
    FACT(SNDLOWAT),
    {IPPROTO_TCP, TCP_NODELAY, GN_ROAD_INT, GN_LEVEL_TCP, GN_TCP_NODELAY, false},
    TCP(MAXSEG),
    TCP(CORK),
    TCP(KEEPIDLE),
    TCP(KEEPINTVL),
    TCP(KEEPCNT),
    TCP(SYNCNT),
    TCP(LINGER2),
    TCP(DEFER_ACCEPT),
    TCP(WINDOW_CLAMP),
    TCP(QUICKACK),
    TCP(USER_TIMEOUT),
    TCP(FASTOPEN),
    TCP(NOTSENT_LOWAT),
    TCP_BYTES(INFO, true),
    TCP_BYTES(CONGESTION, false),
    IPV6(V6ONLY),
    IPV6(UNICAST_HOPS),
    IPV6(MULTICAST_HOPS),
    IPV6(MULTICAST_LOOP),
    IPV6(TCLASS),
    {IPPROTO_IP, IP_TOS, GN_ROAD_INT, GN_LEVEL_SOCKET, GN_SO_IPV4 + IP_TOS, false},
    {IPPROTO_IP, IP_FREEBIND, GN_ROAD_INT, GN_LEVEL_SOCKET, GN_SO_IPV4 + IP_FREEBIND, false},
    WAMR(SOL_SOCKET, SO_REUSEPORT),
    WAMR(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
    WAMR(IPPROTO_IP, IP_TTL),
    WAMR(IPPROTO_IP, IP_MULTICAST_TTL),
    WAMR(IPPROTO_IP, IP_MULTICAST_LOOP),
    WAMR(IPPROTO_IP, IP_ADD_MEMBERSHIP),
    WAMR(IPPROTO_IP, IP_DROP_MEMBERSHIP),
    WAMR(IPPROTO_IPV6, IPV6_JOIN_GROUP),
    WAMR(IPPROTO_IPV6, IPV6_LEAVE_GROUP),
};

const struct gn_option *__gn_option(int level, int name) {
    static const struct gn_option none = {0};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].level == level && options[i].name == name) return &options[i];
    return &none;
}

static bool level_applies(const struct gn_socket *socket, int level) {
    switch (level) {
        case IPPROTO_TCP:
            return socket->family != AF_UNIX && socket->type == SOCK_STREAM;
        case IPPROTO_UDP:
            return socket->family != AF_UNIX && socket->type == SOCK_DGRAM;
        case IPPROTO_IP:
            return socket->family != AF_UNIX;
        case IPPROTO_IPV6:
            return socket->family == AF_INET6;
        default:
            return false;
    }
}

int __gn_option_unknown(int fd, int level, bool setting) {
    struct gn_socket socket;
    int error = __gn_socket_of(fd, &socket);
    if (error != 0) return error;
    if (level == SOL_SOCKET || level_applies(&socket, level)) return ENOPROTOOPT;
    if (socket.family == AF_UNIX || (socket.family == AF_INET && !setting)) return EOPNOTSUPP;
    return ENOPROTOOPT;
}
