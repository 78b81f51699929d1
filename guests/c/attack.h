/* attack.h: what the attack_ programs share, which call a WASI host directly and not through libc: the imports of every
 * socket ABI, and their arguments in memory. An import that a program does not call is not in its module. Each prints
 * errnos by name and decides nothing: tests/tests/attacks does. For wasm only. */
#ifndef GUESTNET_ATTACK_H
#define GUESTNET_ATTACK_H

#include "t.h"

#ifndef __wasi__

#define ATTACK_MAIN                                                       \
    int main(void) {                                                      \
        fprintf(stderr, "this attacks a WASI host: it does nothing natively\n"); \
        return 2;                                                         \
    }

#else

typedef uint32_t u;

#define IMPORT(c_name, wasi_name, ...) \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#wasi_name))) u c_name(__VA_ARGS__);

/* Preview 1. */
IMPORT(p1_accept, sock_accept, u, u, u)
IMPORT(p1_recv, sock_recv, u, u, u, u, u, u)
IMPORT(p1_send, sock_send, u, u, u, u, u)
IMPORT(p1_shutdown, sock_shutdown, u, u)
IMPORT(p1_read, fd_read, u, u, u, u)
IMPORT(p1_write, fd_write, u, u, u, u)
IMPORT(p1_pread, fd_pread, u, u, u, uint64_t, u)
IMPORT(p1_close, fd_close, u)
IMPORT(p1_renumber, fd_renumber, u, u)
IMPORT(p1_fdstat, fd_fdstat_get, u, u)
IMPORT(p1_set_flags, fd_fdstat_set_flags, u, u)
IMPORT(p1_filestat, fd_filestat_get, u, u)
IMPORT(p1_prestat, fd_prestat_get, u, u)
IMPORT(p1_prestat_name, fd_prestat_dir_name, u, u, u)
IMPORT(p1_readdir, fd_readdir, u, u, u, uint64_t, u)
IMPORT(p1_open, path_open, u, u, u, u, u, uint64_t, uint64_t, u, u)
IMPORT(p1_poll, poll_oneoff, u, u, u, u)
IMPORT(p1_random, random_get, u, u)
/* WasmEdge, both versions. */
IMPORT(we_open, sock_open, u, u, u)
IMPORT(we_bind, sock_bind, u, u, u)
IMPORT(we_listen, sock_listen, u, u)
IMPORT(we_connect, sock_connect, u, u, u)
IMPORT(we_send_to, sock_send_to, u, u, u, u, u, u, u)
IMPORT(we_getsockopt, sock_getsockopt, u, u, u, u, u)
IMPORT(we_setsockopt, sock_setsockopt, u, u, u, u, u)
IMPORT(we_addrinfo, sock_getaddrinfo, u, u, u, u, u, u, u, u)
IMPORT(v1_accept, sock_accept, u, u)
IMPORT(v1_recv_from, sock_recv_from, u, u, u, u, u, u, u)
IMPORT(v1_local, sock_getlocaladdr, u, u, u, u)
IMPORT(v1_peer, sock_getpeeraddr, u, u, u, u)
IMPORT(v2_recv_from, sock_recv_from, u, u, u, u, u, u, u, u)
IMPORT(v2_local, sock_getlocaladdr, u, u, u)
IMPORT(v2_peer, sock_getpeeraddr, u, u, u)
/* WasmEdge v2 under its own names. */
IMPORT(named_open, sock_open_v2, u, u, u)
IMPORT(named_bind, sock_bind_v2, u, u, u)
IMPORT(named_connect, sock_connect_v2, u, u, u)
IMPORT(named_listen, sock_listen_v2, u, u)
IMPORT(named_accept, sock_accept_v2, u, u, u)
IMPORT(named_recv, sock_recv_v2, u, u, u, u, u, u)
IMPORT(named_recv_from, sock_recv_from_v2, u, u, u, u, u, u, u, u)
IMPORT(named_send_to, sock_send_to_v2, u, u, u, u, u, u, u)
/* WAMR. */
IMPORT(wamr_open, sock_open, u, u, u, u)
IMPORT(wamr_bind, sock_bind, u, u)
IMPORT(wamr_connect, sock_connect, u, u)
IMPORT(wamr_recv_from, sock_recv_from, u, u, u, u, u, u)
IMPORT(wamr_send_to, sock_send_to, u, u, u, u, u, u)
IMPORT(wamr_local, sock_addr_local, u, u)
IMPORT(wamr_remote, sock_addr_remote, u, u)
IMPORT(wamr_resolve, sock_addr_resolve, u, u, u, u, u, u)
IMPORT(wamr_join, sock_set_ip_add_membership, u, u, u)
IMPORT(wamr_close, sock_close, u)
/* guestnet's. */
IMPORT(ep_create, epoll_create, u)
IMPORT(ep_ctl, epoll_ctl, u, u, u, u, uint64_t)
IMPORT(ep_wait, epoll_wait, u, u, u, uint64_t, u)

enum { WE_INET = 1, WE_INET6 = 2, WE_UNIX = 3, WE_DGRAM = 1, WE_STREAM = 2 };

#define P(pointer) ((u)(uintptr_t)(pointer))

/* WASI's errno by name; wasip1's libc has the same numbers. */
T_UNUSED static const char *named(u error) { return error == 0 ? "ok" : errno_name((int)error); }

/* Prints a call as it is written here, and its errno. */
T_UNUSED static u report(const char *what, u error) {
    printf("%s: %s\n", what, named(error));
    return error;
}
#define TRY(call) report(#call, call)

/* An 8-byte header {pointer, length}: a WasmEdge address, or one iovec. Good for 64 more calls. */
T_UNUSED static u header(u pointer, u length) {
    static u headers[64][2] __attribute__((aligned(8)));
    static int next;
    u *h = headers[next++ % 64];
    h[0] = pointer, h[1] = length;
    return P(h);
}

/* An IP address from text, in every form that an ABI takes. */
struct target {
    int v6;
    unsigned char octets[16];
    unsigned char wide[128]; /* WasmEdge: family, octets */
    unsigned char wamr[24];  /* WAMR: kind, octets or host-order groups, port */
};

T_UNUSED static struct target target(const char *text, u port) {
    struct target t;
    memset(&t, 0, sizeof t);
    t.v6 = strchr(text, ':') != NULL;
    if (inet_pton(t.v6 ? AF_INET6 : AF_INET, text, t.octets) != 1) {
        printf("cannot go on, %s is no address\n", text);
        exit(1);
    }
    t.wide[0] = t.v6 ? WE_INET6 : WE_INET;
    memcpy(t.wide + 2, t.octets, t.v6 ? 16 : 4);
    t.wamr[0] = t.v6 ? 1 : 0;
    for (int i = 0; i < 16; i++) t.wamr[4 + i] = t.octets[t.v6 ? i ^ 1 : i];
    t.wamr[t.v6 ? 20 : 8] = (unsigned char)port, t.wamr[t.v6 ? 21 : 9] = (unsigned char)(port >> 8);
    return t;
}

T_UNUSED static u narrow(struct target *t) { return header(P(t->octets), t->v6 ? 16 : 4); }
T_UNUSED static u wide(struct target *t) { return header(P(t->wide), 128); }

/* A new socket; ends the program when there is none. */
T_UNUSED static u opened(int v6, int kind) {
    u fd = 0, error = we_open(v6 ? WE_INET6 : WE_INET, (u)kind, P(&fd));
    if (error != 0) {
        printf("cannot go on, sock_open: %s\n", named(error));
        exit(1);
    }
    return fd;
}

/* One subscription: kind 1 reads, 2 writes, 0 is a relative clock of so many milliseconds in `fd`. */
struct subscription {
    uint64_t userdata;
    uint64_t kind;
    u fd, pad;
    uint64_t timeout, precision, flags;
};
struct event {
    uint64_t userdata;
    uint16_t error;
    uint8_t kind, pad[5];
    uint64_t bytes;
    uint16_t flags, more[3];
};

T_UNUSED static struct subscription subscription(uint64_t userdata, int kind, u fd) {
    struct subscription s;
    memset(&s, 0, sizeof s);
    s.userdata = userdata, s.kind = (uint64_t)kind;
    if (kind == 0)
        s.fd = 1, s.timeout = (uint64_t)fd * 1000000u;
    else
        s.fd = fd;
    return s;
}

#endif
#endif
