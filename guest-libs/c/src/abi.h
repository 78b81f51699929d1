/* The host functions that the overlay calls, with the numbers and layouts they use. Declarations only.
 *
 * All of them are in wasi_snapshot_preview1: the standard's, WasmEdge's second version of the socket extension, for
 * options that WasmEdge cannot say WAMR's lib-socket, and guestnet's for epoll, sendfile and splice. Results are WASI errno numbers, which are wasi-libc's. */
#ifndef GUESTNET_ABI_H
#define GUESTNET_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GN_IMPORT(name) \
    __attribute__((__import_module__("wasi_snapshot_preview1"), __import_name__(#name), __warn_unused_result__))

/* Families equal wasi-libc's AF_*; types do not equal its SOCK_*. */
#define GN_TYPE_ANY 0
#define GN_TYPE_DGRAM 1
#define GN_TYPE_STREAM 2

#define GN_FILETYPE_UNKNOWN 0 /* a pipe */
#define GN_FILETYPE_SOCKET_DGRAM 5
#define GN_FILETYPE_SOCKET_STREAM 6
#define GN_FDFLAG_NONBLOCK 4

#define GN_RECV_PEEK 0x1
#define GN_RECV_WAITALL 0x2
#define GN_RECV_DONTWAIT 0x4 /* guestnet's */
#define GN_RECV_TRUNC 0x8    /* guestnet's: the result is the datagram's length */
#define GN_RECVD_TRUNCATED 0x1
#define GN_SEND_DONTWAIT 0x1 /* guestnet's */

#define GN_LEVEL_SOCKET 0
#define GN_SO_IPV4 256   /* guestnet's: added to a Linux IPPROTO_IP number, on WasmEdge's level 0 */
#define GN_LEVEL_TCP 6   /* wasi-go's and guestnet's */
#define GN_LEVEL_IPV6 41 /* guestnet's */
enum {
    GN_SO_REUSEADDR,
    GN_SO_TYPE,
    GN_SO_ERROR,
    GN_SO_DONTROUTE,
    GN_SO_BROADCAST,
    GN_SO_SNDBUF,
    GN_SO_RCVBUF,
    GN_SO_KEEPALIVE,
    GN_SO_OOBINLINE,
    GN_SO_LINGER,
    GN_SO_RCVLOWAT,
    GN_SO_RCVTIMEO,
    GN_SO_SNDTIMEO,
    GN_SO_ACCEPTCONN,
    GN_SO_BINDTODEVICE,
};
#define GN_TCP_NODELAY 15 /* wasi-go's number; the other TCP options go with Linux's */

/* An address argument: a pointer to bytes and their count. 4 bytes are IPv4, 16 are IPv6, 128 are a family followed
 * by the octets or by a UNIX path with its NUL. Ports travel beside it in host order. */
struct gn_address {
    void *bytes;
    uint32_t len;
};

struct gn_fdstat {
    uint8_t filetype;
    uint16_t flags;
    uint64_t rights;
    uint64_t rights_inheriting;
};

#define GN_EVENT_CLOCK 0
#define GN_EVENT_FD_READ 1
#define GN_EVENT_FD_WRITE 2
#define GN_CLOCK_MONOTONIC 1

struct gn_subscription {
    uint64_t userdata;
    uint8_t tag;
    union {
        struct {
            uint32_t id;
            uint64_t timeout; /* nanoseconds, relative */
            uint64_t precision;
            uint16_t flags;
        } clock;
        uint32_t fd;
    } u;
};

#define GN_RW_HANGUP 0x1
#define GN_RW_ERROR 0x2       /* this and the rest are guestnet's */
#define GN_RW_PRIORITY 0x4
#define GN_RW_READ_HANGUP 0x8
/* When one of these is set and nbytes is 0, the event is there for them alone: its own direction is not ready. */

struct gn_event {
    uint64_t userdata;
    uint16_t error;
    uint8_t type;
    uint64_t nbytes;
    uint16_t flags;
};

/* The list that the caller of sock_getaddrinfo provides and the host fills. */
struct gn_sockaddr {
    uint32_t family;
    uint32_t len;
    uint8_t *data; /* port in network order, then 4 or 16 octets */
    uint32_t reserved;
};
struct gn_addrinfo {
    uint16_t flags;
    uint8_t family;
    uint8_t socktype;
    uint32_t protocol;
    uint32_t addrlen;
    struct gn_sockaddr *addr;
    char *canonname;
    uint32_t canonname_len;
    struct gn_addrinfo *next;
};
#define GN_AI_PASSIVE 0x01
#define GN_AI_CANONNAME 0x02
#define GN_AI_NUMERICHOST 0x04
#define GN_AI_NUMERICSERV 0x08
#define GN_AI_V4MAPPED 0x10
#define GN_AI_ALL 0x20
#define GN_AI_ADDRCONFIG 0x40

_Static_assert(sizeof(struct gn_address) == 8, "address header");
_Static_assert(sizeof(struct gn_fdstat) == 24 && offsetof(struct gn_fdstat, rights) == 8, "fdstat");
_Static_assert(sizeof(struct gn_subscription) == 48 && offsetof(struct gn_subscription, u) == 16, "subscription");
_Static_assert(sizeof(struct gn_event) == 32 && offsetof(struct gn_event, flags) == 24, "event");
_Static_assert(sizeof(struct gn_addrinfo) == 28 && offsetof(struct gn_addrinfo, canonname_len) == 20, "addrinfo");
_Static_assert(sizeof(struct iovec) == 8 && offsetof(struct iovec, iov_len) == 4, "iovec is WASI's");

int __gn_fd_fdstat_get(int fd, struct gn_fdstat *) GN_IMPORT(fd_fdstat_get);
int __gn_fd_fdstat_set_flags(int fd, int flags) GN_IMPORT(fd_fdstat_set_flags);
int __gn_fd_close(int fd) GN_IMPORT(fd_close);
int __gn_poll_oneoff(const struct gn_subscription *, struct gn_event *, size_t count, size_t *ready)
    GN_IMPORT(poll_oneoff);

int __gn_sock_open(int family, int type, int *fd) GN_IMPORT(sock_open);
int __gn_sock_bind(int fd, const struct gn_address *, uint32_t port) GN_IMPORT(sock_bind);
int __gn_sock_listen(int fd, int backlog) GN_IMPORT(sock_listen);
int __gn_sock_accept(int fd, int fdflags, int *accepted) GN_IMPORT(sock_accept);
int __gn_sock_connect(int fd, const struct gn_address *, uint32_t port) GN_IMPORT(sock_connect);
int __gn_sock_shutdown(int fd, int how) GN_IMPORT(sock_shutdown);
int __gn_sock_recv(int fd, const struct iovec *, size_t, int flags, size_t *done, uint16_t *out) GN_IMPORT(sock_recv);
int __gn_sock_send(int fd, const struct iovec *, size_t, int flags, size_t *done) GN_IMPORT(sock_send);
int __gn_sock_recv_from(int fd, const struct iovec *, size_t, struct gn_address *, int flags, uint32_t *port,
                        size_t *done, uint16_t *out) GN_IMPORT(sock_recv_from);
int __gn_sock_send_to(int fd, const struct iovec *, size_t, const struct gn_address *, uint32_t port, int flags,
                      size_t *done) GN_IMPORT(sock_send_to);
int __gn_sock_getlocaladdr(int fd, struct gn_address *, uint32_t *port) GN_IMPORT(sock_getlocaladdr);
int __gn_sock_getpeeraddr(int fd, struct gn_address *, uint32_t *port) GN_IMPORT(sock_getpeeraddr);
int __gn_sock_getsockopt(int fd, int level, int name, void *value, uint32_t *len) GN_IMPORT(sock_getsockopt);
int __gn_sock_setsockopt(int fd, int level, int name, const void *value, uint32_t len) GN_IMPORT(sock_setsockopt);
int __gn_sock_getaddrinfo(const char *node, size_t, const char *service, size_t, const struct gn_addrinfo *hints,
                          struct gn_addrinfo **list, size_t capacity, size_t *count) GN_IMPORT(sock_getaddrinfo);

/* guestnet's. The time is in nanoseconds, negative for ever. */
struct epoll_event;
int __gn_epoll_create(int *epoll) GN_IMPORT(epoll_create);
int __gn_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data) GN_IMPORT(epoll_ctl);
int __gn_epoll_wait(int epoll, struct epoll_event *, int most, int64_t timeout, size_t *count) GN_IMPORT(epoll_wait);
#define GN_SENDFILE_POSITION (-1)
int __gn_sendfile(int out, int in, int64_t offset, size_t count, uint64_t *sent) GN_IMPORT(sendfile);
int __gn_pipe(int ends[2]) GN_IMPORT(pipe);
int __gn_splice(int in, int out, size_t count, uint32_t flags, size_t *moved) GN_IMPORT(splice);

#endif
