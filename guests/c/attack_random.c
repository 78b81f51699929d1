/* attack_random: calls every function with arguments drawn at random from what is likely to hurt: open and closed
 * descriptors, pointers into its memory and beyond, small numbers and the largest. Errors are of no interest; that the
 * host goes on is.
 *
 *   attack_random SEED CALLS */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

IMPORT(p1_sync, fd_sync, u)
IMPORT(p1_seek, fd_seek, u, uint64_t, u, u)
IMPORT(p1_allocate, fd_allocate, u, uint64_t, uint64_t)
IMPORT(p1_mkdir, path_create_directory, u, u, u)
IMPORT(p1_link, path_link, u, u, u, u, u, u, u)
IMPORT(p1_rename, path_rename, u, u, u, u, u, u)
IMPORT(p1_symlink, path_symlink, u, u, u, u, u)
IMPORT(p1_unlink, path_unlink_file, u, u, u)
IMPORT(p1_readlink, path_readlink, u, u, u, u, u, u)
IMPORT(p1_pathstat, path_filestat_get, u, u, u, u, u)
IMPORT(wamr_get_ttl, sock_get_ip_ttl, u, u)
IMPORT(wamr_set_buffer, sock_set_recv_buf_size, u, u)
IMPORT(wamr_linger, sock_set_linger, u, u, u)
IMPORT(wamr_timeout, sock_set_recv_timeout, u, uint64_t)

static uint64_t state;

static u any(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (u)(state >> 16);
}
static u below(u n) { return any() % n; }

static unsigned char memory[65536] __attribute__((aligned(16)));

/* A descriptor: mostly one that may be open. */
static u fd(void) { return below(16) ? 3 + below(24) : below(4) ? below(3) : any(); }

/* A pointer: mostly into `memory`. */
static u at(void) {
    switch (below(12)) {
    case 0: return any();
    case 1: return (u)__builtin_wasm_memory_size(0) * 65536u - below(64);
    case 2: return 0xffffffffu - below(16);
    case 3: return 0;
    default: return P(memory) + (below(3) ? below(2048) * 8 : below(60000));
    }
}

static u number(void) {
    switch (below(8)) {
    case 0: return any();
    case 1: return 0xffffffffu - below(3);
    case 2: return 0x80000000u;
    case 3: return 1u << below(32);
    default: return below(8);
    }
}

/* An iovec array, or something that is none. */
static u iovecs(void) {
    u place = P(memory) + below(1000) * 8;
    u *entry = (u *)(uintptr_t)place;
    for (u i = 0; i < 8; i++) entry[2 * i] = at(), entry[2 * i + 1] = below(4) ? below(2000) : number();
    return below(8) ? place : at();
}

/* An address header, whose bytes are an address of 127.0.0.2 in some form, a path, or anything. */
static u address(void) {
    static const u lengths[] = {4, 16, 128, 128, 128};
    u bytes = P(memory) + 40000 + below(16) * 128;
    unsigned char *b = (unsigned char *)(uintptr_t)bytes;
    u len = lengths[below(5)];
    memset(b, 0, 128);
    if (len == 4) memcpy(b, "\x7f\0\0\2", 4);
    if (len == 16) memcpy(b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\2", 16);
    if (len == 128) {
        b[0] = (unsigned char)below(5);
        memcpy(b + 2, b[0] == WE_UNIX ? "/tmp/s0" : "\x7f\0\0\2", b[0] == WE_UNIX ? 8 : 4);
        if (b[0] == WE_UNIX) b[8] = (unsigned char)('0' + below(4));
    }
    return below(8) ? header(bytes, below(8) ? len : number()) : at();
}

static u wamr(void) {
    struct target t = target("127.0.0.2", below(8));
    u place = P(memory) + 50000 + below(16) * 32;
    memcpy((void *)(uintptr_t)place, t.wamr, 24);
    return below(8) ? place : at();
}

static u subscriptions(u count) {
    u place = P(memory) + 20000 + below(64) * 8;
    struct subscription *s = (struct subscription *)(uintptr_t)place;
    for (u i = 0; i < count && i < 200; i++) s[i] = subscription(i, (int)below(4), fd());
    for (u i = 0; i < count && i < 200; i++)
        if (s[i].kind == 0 || i == 0) s[i] = subscription(i, 0, 0);
    return place;
}

static u name(void) { return header(0, 0), P("file\0dir\0/tmp/x\0../y\0link\0") + below(24); }

static void call(void) {
    u n;
    switch (below(66)) {
    case 60: ep_create(at()); break;
    case 61: case 62: ep_ctl(fd(), below(5), fd(), below(3) ? below(64) | any() << 28 : any(), any()); break;
    /* Not for ever. */
    case 63: case 64: case 65: ep_wait(fd(), at(), number(), below(2000), at()); break;
    case 0: case 1: case 2: we_open(below(5), below(4), at()); break;
    case 3: wamr_open(any(), below(3), below(3), at()); break;
    case 4: we_bind(fd(), address(), below(3) ? 0 : number()); break;
    case 5: wamr_bind(fd(), wamr()); break;
    case 6: we_listen(fd(), number()); break;
    case 7: we_connect(fd(), address(), below(8)); break;
    case 8: wamr_connect(fd(), wamr()); break;
    case 9: p1_accept(fd(), below(2) * 4, at()); break;
    case 10: v1_accept(fd(), at()); break;
    case 11: case 12: p1_recv(fd(), iovecs(), below(9), number(), at(), at()); break;
    case 13: case 14: p1_send(fd(), iovecs(), below(9), below(2), at()); break;
    case 15: v1_recv_from(fd(), iovecs(), below(9), address(), below(16), at(), at()); break;
    case 16: case 17: v2_recv_from(fd(), iovecs(), below(9), address(), below(16), at(), at(), at()); break;
    case 18: wamr_recv_from(fd(), iovecs(), below(9), below(16), at(), at()); break;
    case 19: we_send_to(fd(), iovecs(), below(9), address(), below(8), below(2), at()); break;
    case 20: wamr_send_to(fd(), iovecs(), below(9), below(2), wamr(), at()); break;
    case 21: p1_shutdown(fd(), below(5)); break;
    case 22: case 23: we_getsockopt(fd(), below(3) ? 0 : 6 + below(2) * 35, below(70), at(), below(2) ? 4 * below(5) : at()); break;
    case 24: case 25: we_setsockopt(fd(), below(3) ? 0 : 6 + below(2) * 35, below(300), at(), number()); break;
    case 26: v1_local(fd(), address(), at(), at()); break;
    case 27: v1_peer(fd(), address(), at(), at()); break;
    case 28: v2_local(fd(), address(), at()); break;
    case 29: v2_peer(fd(), address(), at()); break;
    case 30: wamr_local(fd(), at()); break;
    case 31: we_addrinfo(P("127.1\0localhost\0x.invalid\0") + below(20), below(20), P("80\0http\0") + below(6), below(6), at(), at(), number(), at()); break;
    case 32: wamr_resolve(P("127.1\0localhost"), P("80\0http") + below(4), at(), at(), number(), at()); break;
    case 33: wamr_join(fd(), at(), number()); break;
    case 34: case 35: p1_read(fd(), iovecs(), below(9), at()); break;
    case 36: case 37: n = fd(); if (n > 2) p1_write(n, iovecs(), below(9), at()); break;
    case 38: p1_pread(fd(), iovecs(), below(9), number(), at()); break;
    case 39: case 40: n = fd(); if (n > 3) p1_close(n); break;
    case 41: n = fd(); if (n > 3) p1_renumber(fd(), n); break;
    case 42: p1_fdstat(fd(), at()); break;
    case 43: case 44: case 45: p1_set_flags(fd(), below(4) ? 4 : number()); break;
    case 46: p1_filestat(fd(), at()); break;
    case 47: p1_prestat(fd(), at()); p1_prestat_name(fd(), at(), number()); break;
    case 48: p1_readdir(fd(), at(), number(), number(), at()); break;
    case 49: case 50: p1_open(below(2) ? 3 : fd(), below(2), name(), below(9), below(16), any(), any(), below(32), at()); break;
    case 51: case 52: n = below(100); p1_poll(subscriptions(n), below(4) ? P(memory) + below(4000) * 8 : at(), n, at()); break;
    case 53: p1_poll(subscriptions(3), at(), number(), at()); break;
    case 54: p1_sync(fd()); p1_seek(fd(), number(), below(4), at()); break;
    case 55: p1_mkdir(fd(), name(), below(9)); p1_unlink(fd(), name(), below(9)); break;
    case 56: p1_rename(fd(), name(), below(9), fd(), name(), below(9)); p1_link(fd(), 0, name(), below(9), fd(), name(), below(9)); break;
    case 57: p1_symlink(name(), below(9), fd(), name(), below(9)); p1_readlink(fd(), name(), below(9), at(), number(), at()); break;
    case 58: p1_pathstat(fd(), below(2), name(), below(9), at()); wamr_get_ttl(fd(), at()); wamr_linger(fd(), below(2), below(2)); break;
    default: wamr_set_buffer(fd(), number()); wamr_timeout(fd(), number()); break;
    }
}

int main(int argc, char **argv) {
    state = argc > 1 ? strtoull(argv[1], NULL, 0) * 0x9e3779b97f4a7c15u + 1 : 1;
    unsigned long calls = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000;
    for (unsigned long i = 0; i < calls; i++) {
        call();
        /* A guest that waits learns nothing more. */
        for (u n = 0; n < 27; n++) p1_set_flags(n, 4);
    }
    return 0;
}

#endif
