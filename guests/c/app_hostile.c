/* app_hostile: every socket call of every wasip1 socket ABI with arguments that no honest program gives: pointers out
 * of bounds and across the end of memory, odd pointers, huge and overflowing counts and lengths, numbers and flags
 * that do not exist. It prints the errno of each and "survived" at last: the host neither traps, nor crashes, nor
 * reserves what the numbers ask for. Exit code 0 when every call that is out of bounds failed. For wasm only. Not a
 * transcript test: which errno is the host's own affair, only that there is one for what is out of bounds. */
#include "t.h"

#ifndef __wasi__

int main(void) {
    fprintf(stderr, "app_hostile talks to a WASI host: it does nothing natively\n");
    return 2;
}

#else

typedef uint32_t u;

#define IMPORT(c_name, wasi_name, ...) \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#wasi_name))) u c_name(__VA_ARGS__);

IMPORT(raw_open, sock_open, u, u, u)
IMPORT(raw_bind, sock_bind, u, u, u)
IMPORT(raw_listen, sock_listen, u, u)
IMPORT(raw_accept_v1, sock_accept, u, u)
IMPORT(raw_accept, sock_accept, u, u, u)
IMPORT(raw_connect, sock_connect, u, u, u)
IMPORT(raw_recv, sock_recv, u, u, u, u, u, u)
IMPORT(raw_send, sock_send, u, u, u, u, u)
IMPORT(raw_recv_from_v1, sock_recv_from, u, u, u, u, u, u, u)
IMPORT(raw_recv_from, sock_recv_from, u, u, u, u, u, u, u, u)
IMPORT(raw_send_to, sock_send_to, u, u, u, u, u, u, u)
IMPORT(raw_shutdown, sock_shutdown, u, u)
IMPORT(raw_getsockopt, sock_getsockopt, u, u, u, u, u)
IMPORT(raw_setsockopt, sock_setsockopt, u, u, u, u, u)
IMPORT(raw_local_v1, sock_getlocaladdr, u, u, u, u)
IMPORT(raw_local, sock_getlocaladdr, u, u, u)
IMPORT(raw_peer_v1, sock_getpeeraddr, u, u, u, u)
IMPORT(raw_peer, sock_getpeeraddr, u, u, u)
IMPORT(raw_addrinfo, sock_getaddrinfo, u, u, u, u, u, u, u, u)
IMPORT(raw_poll, poll_oneoff, u, u, u, u)
IMPORT(raw_epoll, epoll_oneoff, u, u, u, u)
IMPORT(raw_read, fd_read, u, u, u, u)
IMPORT(raw_write, fd_write, u, u, u, u)
IMPORT(raw_close, fd_close, u)
IMPORT(raw_renumber, fd_renumber, u, u)
IMPORT(raw_fdstat, fd_fdstat_get, u, u)
IMPORT(raw_set_flags, fd_fdstat_set_flags, u, u)
IMPORT(raw_filestat, fd_filestat_get, u, u)
IMPORT(wamr_open, sock_open, u, u, u, u)
IMPORT(wamr_bind, sock_bind, u, u)
IMPORT(wamr_connect, sock_connect, u, u)
IMPORT(wamr_recv_from, sock_recv_from, u, u, u, u, u, u)
IMPORT(wamr_send_to, sock_send_to, u, u, u, u, u, u)
IMPORT(wamr_local, sock_addr_local, u, u)
IMPORT(wamr_remote, sock_addr_remote, u, u)
IMPORT(wamr_resolve, sock_addr_resolve, u, u, u, u, u, u)
IMPORT(wamr_get_linger, sock_get_linger, u, u, u)
IMPORT(wamr_set_recv_timeout, sock_set_recv_timeout, u, uint64_t)
IMPORT(wamr_get_recv_timeout, sock_get_recv_timeout, u, u)
IMPORT(wamr_set_ttl, sock_set_ip_ttl, u, u)
IMPORT(wamr_get_ttl, sock_get_ip_ttl, u, u)
IMPORT(wamr_set_buffer, sock_set_recv_buf_size, u, u)
IMPORT(wamr_join, sock_set_ip_add_membership, u, u, u)

static int out_of_bounds_taken;

/* Prints a call as it is written here, and its errno by number. */
static u report(const char *call, u error) {
    printf("%s: %lu\n", call, (unsigned long)error);
    return error;
}
#define TRY(call) report(#call, call)
/* A call that touches memory out of bounds: it has to fail. */
#define MUST_FAIL(call) (out_of_bounds_taken += report(#call, call) == 0)

#define P(pointer) ((u)(uintptr_t)(pointer))

static unsigned char memory[4096] __attribute__((aligned(16)));
static u results[64];

/* An 8-byte header {pointer, length}: a WasmEdge address, or one iovec. */
static u header(u pointer, u length) {
    static u headers[64][2] __attribute__((aligned(8)));
    static int next;
    u *h = headers[next++ % 64];
    h[0] = pointer;
    h[1] = length;
    return P(h);
}

int main(void) {
    const u BAD = 0xfffffff0u;                                     /* out of bounds by far */
    const u EDGE = (u)__builtin_wasm_memory_size(0) * 65536u - 2u; /* two bytes before the end */
    const u ODD = P(memory) + 1;                                   /* not aligned */
    const u OUT = P(results), BUF = P(memory), MAX = 0xffffffffu;
    u listener = (u)tcp_listener(AF_INET), bound = (u)udp_bound(AF_INET);
    int pair[2];
    tcp_pair(AF_INET, pair);
    u stream = (u)pair[0];
    set_nonblocking(pair[0], 1);
    set_nonblocking((int)listener, 1);
    set_nonblocking((int)bound, 1);

    printf("# sock_open\n");
    MUST_FAIL(raw_open(1, 2, BAD));
    MUST_FAIL(raw_open(1, 2, EDGE));
    TRY(raw_open(1, 2, ODD));
    TRY(raw_open(0, 2, OUT));
    TRY(raw_open(1, 0, OUT));
    TRY(raw_open(99, 99, OUT));
    TRY(raw_open(MAX, MAX, OUT));
    TRY(raw_open(0x101, 2, OUT));
    MUST_FAIL(wamr_open(MAX, 0, 1, BAD));
    TRY(wamr_open(MAX, 77, 77, OUT));

    printf("# addresses\n");
    u fresh = (u)tcp(AF_INET);
    MUST_FAIL(raw_bind(fresh, BAD, 0));
    MUST_FAIL(raw_bind(fresh, EDGE, 0));
    TRY(raw_bind(fresh, ODD, 0));
    MUST_FAIL(raw_bind(fresh, header(BAD, 4), 0));
    MUST_FAIL(raw_bind(fresh, header(EDGE, 4), 0));
    MUST_FAIL(raw_bind(fresh, header(EDGE, 16), 0));
    MUST_FAIL(raw_bind(fresh, header(EDGE, 128), 0));
    MUST_FAIL(raw_bind(fresh, header(BUF, 0), 0));
    MUST_FAIL(raw_bind(fresh, header(BUF, 5), 0));
    MUST_FAIL(raw_bind(fresh, header(BUF, MAX), 0));
    MUST_FAIL(raw_bind(fresh, header(MAX, MAX), 0));
    memset(memory, 0xff, sizeof memory);
    MUST_FAIL(raw_bind(fresh, header(BUF, 128), 0));
    MUST_FAIL(raw_connect(fresh, BAD, 1));
    MUST_FAIL(raw_connect(fresh, header(EDGE, 128), 1));
    MUST_FAIL(raw_connect(fresh, header(BUF, 127), 1));
    memory[0] = 3, memory[1] = 0; /* AF_UNIX, a path with no end */
    MUST_FAIL(raw_connect((u)tcp(AF_UNIX), header(BUF, 128), 0));
    MUST_FAIL(wamr_bind(fresh, BAD));
    MUST_FAIL(wamr_bind(fresh, EDGE));
    MUST_FAIL(wamr_connect(fresh, EDGE));
    TRY(wamr_connect(fresh, ODD));
    MUST_FAIL(raw_local(stream, BAD, OUT));
    MUST_FAIL(raw_local(stream, header(BAD, 128), OUT));
    MUST_FAIL(raw_local(stream, header(EDGE, 128), OUT));
    MUST_FAIL(raw_local(stream, header(BUF, 4), OUT));
    MUST_FAIL(raw_local(stream, header(BUF, MAX), OUT));
    MUST_FAIL(raw_local(stream, header(BUF, 128), BAD));
    MUST_FAIL(raw_local_v1(stream, header(BUF, 16), BAD, OUT));
    MUST_FAIL(raw_local_v1(stream, header(BUF, 16), OUT, EDGE));
    MUST_FAIL(raw_local_v1(stream, header(BUF, 7), OUT, OUT));
    MUST_FAIL(raw_peer(stream, header(EDGE, 128), OUT));
    MUST_FAIL(raw_peer(stream, EDGE, OUT));
    MUST_FAIL(raw_peer_v1(stream, header(EDGE, 16), OUT, OUT));
    MUST_FAIL(wamr_local(stream, EDGE));
    MUST_FAIL(wamr_remote(stream, BAD));

    printf("# listen, accept\n");
    TRY(raw_listen(listener, MAX));
    TRY(raw_listen(listener, 0x80000000u));
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr((int)listener)));
    wait_readable((int)listener);
    MUST_FAIL(raw_accept(listener, 0, BAD));
    MUST_FAIL(raw_accept_v1(listener, EDGE));
    MUST_FAIL(raw_accept(listener, 0xffff, OUT));
    TRY(raw_accept(listener, MAX, OUT));

    printf("# receiving\n");
    must("send", send(pair[1], "data", 4, MSG_NOSIGNAL));
    wait_readable(pair[0]);
    MUST_FAIL(raw_recv(stream, BAD, 1, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, EDGE, 1, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(BAD, 4), 1, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(EDGE, 4), 1, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(BUF, MAX), 1, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(BUF, 4), MAX, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(BUF, 4), 0x20000000u, 0, OUT, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(BUF, 4), 1, 0, BAD, OUT + 4));
    MUST_FAIL(raw_recv(stream, header(BUF, 4), 1, 0, OUT, BAD));
    TRY(raw_recv(stream, header(BUF, 4), 1, 0xfffc, OUT, OUT + 4));
    TRY(raw_recv(stream, header(BUF, 4), 0, 0, OUT, OUT + 4));
    u *two = results + 32;
    two[0] = BUF, two[1] = MAX, two[2] = BUF, two[3] = MAX; /* lengths whose sum overflows */
    MUST_FAIL(raw_recv(stream, P(two), 2, 0, OUT, OUT + 4));
    two[1] = 0x80000000u, two[3] = 0x80000000u;
    MUST_FAIL(raw_recv(stream, P(two), 2, 0, OUT, OUT + 4));
    MUST_FAIL(raw_read(stream, BAD, 1, OUT));
    MUST_FAIL(raw_read(stream, P(two), 2, OUT));
    MUST_FAIL(raw_read(stream, header(BUF, 4), 1, EDGE));
    MUST_FAIL(raw_read(stream, header(BUF, 4), MAX, OUT));
    MUST_FAIL(raw_recv_from(bound, header(BUF, 4), 1, BAD, 0, OUT, OUT + 4, OUT + 8));
    MUST_FAIL(raw_recv_from(bound, header(BUF, 4), 1, header(EDGE, 128), 0, OUT, OUT + 4, OUT + 8));
    MUST_FAIL(raw_recv_from(bound, header(BUF, 4), 1, header(BUF, 128), 0, BAD, OUT + 4, OUT + 8));
    MUST_FAIL(raw_recv_from(bound, header(BUF, 4), 1, header(BUF, 3), 0, OUT, OUT + 4, OUT + 8));
    MUST_FAIL(raw_recv_from_v1(bound, header(BUF, 4), 1, header(EDGE, 16), 0, OUT + 4, OUT + 8));
    MUST_FAIL(wamr_recv_from(bound, header(BUF, 4), 1, 0, EDGE, OUT));

    printf("# sending\n");
    MUST_FAIL(raw_send(stream, BAD, 1, 0, OUT));
    MUST_FAIL(raw_send(stream, header(BAD, 4), 1, 0, OUT));
    MUST_FAIL(raw_send(stream, header(EDGE, 4), 1, 0, OUT));
    MUST_FAIL(raw_send(stream, header(BUF, MAX), 1, 0, OUT));
    MUST_FAIL(raw_send(stream, header(BUF, 4), MAX, 0, OUT));
    MUST_FAIL(raw_send(stream, P(two), 2, 0, OUT));
    MUST_FAIL(raw_send(stream, header(BUF, 4), 1, 0, BAD));
    TRY(raw_send(stream, header(BUF, 4), 1, 0xffff, OUT));
    MUST_FAIL(raw_write(stream, BAD, 1, OUT));
    MUST_FAIL(raw_write(stream, header(EDGE, 100), 1, OUT));
    MUST_FAIL(raw_write(stream, header(BUF, 4), MAX, OUT));
    MUST_FAIL(raw_send_to(bound, header(BUF, 4), 1, BAD, 9, 0, OUT));
    MUST_FAIL(raw_send_to(bound, header(BUF, 4), 1, header(EDGE, 16), 9, 0, OUT));
    MUST_FAIL(raw_send_to(bound, header(BUF, 4), 1, header(BUF, 9), 9, 0, OUT));
    MUST_FAIL(raw_send_to(bound, header(BAD, 4), 1, header(BUF, 4), 9, 0, OUT));
    MUST_FAIL(wamr_send_to(bound, header(BUF, 4), 1, 0, EDGE, OUT));

    printf("# shutdown\n");
    TRY(raw_shutdown(stream, 0));
    TRY(raw_shutdown(stream, 4));
    TRY(raw_shutdown(stream, 0x100));
    TRY(raw_shutdown(stream, MAX));

    printf("# options\n");
    MUST_FAIL(raw_getsockopt(stream, 0, 1, BAD, 4));
    MUST_FAIL(raw_getsockopt(stream, 0, 1, EDGE, 4));
    MUST_FAIL(raw_getsockopt(stream, 0, 1, OUT, BAD));
    MUST_FAIL(raw_getsockopt(stream, 0, 1, OUT, EDGE));
    MUST_FAIL(raw_getsockopt(stream, 0, MAX, OUT, 4));
    MUST_FAIL(raw_getsockopt(stream, MAX, 1, OUT, 4));
    TRY(raw_getsockopt(stream, 0, 1, OUT, 0));
    results[16] = MAX;
    TRY(raw_getsockopt(stream, 0, 1, EDGE - 2, P(&results[16])));
    TRY(raw_getsockopt(stream, 0, 14, OUT, P(&results[16])));
    MUST_FAIL(raw_setsockopt(stream, 0, 7, BAD, 4));
    MUST_FAIL(raw_setsockopt(stream, 0, 7, EDGE, 4));
    MUST_FAIL(raw_setsockopt(stream, 0, 7, OUT, 0));
    TRY(raw_setsockopt(stream, 0, 7, OUT, MAX)); /* only the first bytes are the value */
    MUST_FAIL(raw_setsockopt(stream, 0, 14, BUF, MAX));
    MUST_FAIL(raw_setsockopt(stream, 0, 9, EDGE, 8));
    memset(memory, 0xff, 16);
    TRY(raw_setsockopt(stream, 0, 11, BUF, 16));
    TRY(raw_setsockopt(stream, 0, 11, BUF, 3));
    TRY(raw_setsockopt(stream, 0, 6, BUF, 4));
    MUST_FAIL(wamr_get_linger(stream, BAD, OUT));
    MUST_FAIL(wamr_get_linger(stream, OUT, EDGE));
    TRY(wamr_set_recv_timeout(stream, 0xffffffffffffffffull));
    TRY(wamr_set_recv_timeout(stream, 0));
    MUST_FAIL(wamr_get_recv_timeout(stream, EDGE));
    TRY(wamr_set_ttl(stream, MAX));
    MUST_FAIL(wamr_get_ttl(stream, BAD));
    TRY(wamr_set_buffer(stream, MAX));
    MUST_FAIL(wamr_join(bound, EDGE, 0));

    printf("# names\n");
    u hints = P(memory + 1024), list = P(memory + 2048);
    memset(memory + 1024, 0, 2048);
    memcpy(memory, "127.0.0.1", 10);
    results[20] = list;
    MUST_FAIL(raw_addrinfo(BAD, 10, BUF, 1, hints, P(&results[20]), 1, OUT));
    MUST_FAIL(raw_addrinfo(EDGE, 10, BUF, 1, hints, P(&results[20]), 1, OUT));
    MUST_FAIL(raw_addrinfo(BUF, MAX, BUF, 1, hints, P(&results[20]), 1, OUT));
    MUST_FAIL(raw_addrinfo(BUF, 10, BAD, 4, hints, P(&results[20]), 1, OUT));
    MUST_FAIL(raw_addrinfo(BUF, 10, P(""), 1, BAD, P(&results[20]), 1, OUT));
    MUST_FAIL(raw_addrinfo(BUF, 10, P(""), 1, hints, BAD, 1, OUT));
    MUST_FAIL(raw_addrinfo(BUF, 10, P("7"), 2, hints, P(&results[20]), 1, BAD));
    TRY(raw_addrinfo(BUF, 10, P("7"), 2, hints, P(&results[20]), MAX, OUT));
    TRY(raw_addrinfo(BUF, 10, P("7"), 2, hints, P(&results[20]), 0, OUT));
    results[20] = BAD;
    MUST_FAIL(raw_addrinfo(BUF, 10, P("7"), 2, hints, P(&results[20]), 1, OUT));
    u *node = (u *)(void *)(memory + 2048); /* a list that is its own tail, its socket address out of bounds */
    results[20] = list, node[3] = BAD, node[6] = list;
    MUST_FAIL(raw_addrinfo(BUF, 10, P("7"), 2, hints, P(&results[20]), 8, OUT));
    MUST_FAIL(wamr_resolve(BAD, BUF, hints, list, 4, OUT));
    MUST_FAIL(wamr_resolve(EDGE + 1, BUF, hints, list, 4, OUT));
    MUST_FAIL(wamr_resolve(BUF, P("7"), BAD, list, 4, OUT));
    MUST_FAIL(wamr_resolve(BUF, P("7"), hints, EDGE, MAX, OUT));

    printf("# poll_oneoff and epoll_oneoff\n");
    memset(memory, 0, sizeof memory);
    MUST_FAIL(raw_poll(BAD, BUF, 1, OUT));
    MUST_FAIL(raw_poll(EDGE, BUF, 1, OUT));
    MUST_FAIL(raw_poll(BUF, BAD, 1, OUT));
    MUST_FAIL(raw_poll(BUF, BUF + 2048, 1, BAD));
    MUST_FAIL(raw_poll(BUF, BUF + 2048, MAX, OUT));
    MUST_FAIL(raw_poll(BUF, BUF + 2048, 0x05555556u, OUT)); /* times 48 overflows to a small number */
    TRY(raw_poll(BUF, BUF + 2048, 0, OUT));
    memory[8] = 77; /* no such kind of subscription */
    TRY(raw_poll(BUF, BUF + 2048, 1, OUT));
    memory[8] = 0, memory[16] = 99; /* no such clock */
    TRY(raw_poll(BUF, BUF + 2048, 1, OUT));
    memory[8] = 1, memset(memory + 16, 0xff, 4); /* no such descriptor */
    TRY(raw_poll(BUF, BUF + 2048, 1, OUT));
    MUST_FAIL(raw_epoll(BAD, BUF, 1, OUT));
    MUST_FAIL(raw_epoll(BUF, EDGE, 1, OUT));
    MUST_FAIL(raw_epoll(BUF, BUF + 2048, 1, EDGE));
    MUST_FAIL(raw_epoll(BUF, BUF + 2048, MAX, OUT));
    MUST_FAIL(raw_epoll(BUF, BUF + 2048, 0x05555556u, OUT));
    TRY(raw_epoll(BUF, BUF + 2048, 0, OUT));
    TRY(raw_epoll(BUF, BUF + 2048, 1, OUT));

    printf("# descriptors\n");
    TRY(raw_close(MAX));
    TRY(raw_close(0x7fffffff));
    TRY(raw_renumber(stream, MAX));
    TRY(raw_renumber(stream, 0x7fffffff));
    TRY(raw_renumber(MAX, stream));
    TRY(raw_renumber(stream, stream));
    MUST_FAIL(raw_fdstat(stream, BAD));
    MUST_FAIL(raw_fdstat(stream, EDGE));
    TRY(raw_set_flags(stream, 0xffff));
    MUST_FAIL(raw_filestat(stream, EDGE));

    printf("# and still\n");
    int good[2];
    tcp_pair(AF_INET, good);
    char buffer[8];
    show("send", send(good[0], "works", 5, MSG_NOSIGNAL));
    show_data("recv", recv(good[1], buffer, sizeof buffer, 0), buffer);
    printf("taken out of bounds: %d\n", out_of_bounds_taken);
    printf("survived\n");
    return out_of_bounds_taken != 0;
}

#endif
