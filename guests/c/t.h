/* t.h: what the C guest programs share. It prints transcripts and makes sockets; it decides nothing about
 * what is right. Included first by every program, natively, for wasip1 and with emcc.
 *
 * A transcript line is "what: result". Results are a number, bytes, "-1 ENAME", "fd", yes or no: never a port,
 * an fd number, a time or a path outside the scratch directory. A step that is only preparation prints nothing
 * when it works and ends the program with exit code 1 when it does not. */
#ifndef GUESTNET_T_H
#define GUESTNET_T_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, SOCK_NONBLOCK */
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define T_UNUSED __attribute__((unused))
#define T_TIMEOUT_MS 10000 /* how long a condition may take before the program gives up */

/* ---- printing ---- */

/* Lines reach stdout one by one, so that a trap or a hang leaves the transcript so far. */
__attribute__((constructor)) static void t_line_buffer_stdout(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

/* The name of an errno. Numbers differ between Linux, WASI and Emscripten; names do not. */
T_UNUSED static const char *errno_name(int number) {
    static const struct {
        int number;
        const char *name;
    } names[] = {
#define T_ERRNO(name) {name, #name}
        T_ERRNO(EACCES),
        T_ERRNO(EADDRINUSE),
        T_ERRNO(EADDRNOTAVAIL),
        T_ERRNO(EAFNOSUPPORT),
        T_ERRNO(EAGAIN),
        T_ERRNO(EALREADY),
        T_ERRNO(EBADF),
        T_ERRNO(ECONNABORTED),
        T_ERRNO(ECONNREFUSED),
        T_ERRNO(ECONNRESET),
        T_ERRNO(EDESTADDRREQ),
        T_ERRNO(EDOM),
        T_ERRNO(EEXIST),
        T_ERRNO(EFAULT),
        T_ERRNO(EHOSTUNREACH),
        T_ERRNO(EINPROGRESS),
        T_ERRNO(EINTR),
        T_ERRNO(EINVAL),
        T_ERRNO(EIO),
        T_ERRNO(EISCONN),
        T_ERRNO(EISDIR),
        T_ERRNO(ELOOP),
        T_ERRNO(EMFILE),
        T_ERRNO(EMSGSIZE),
        T_ERRNO(ENAMETOOLONG),
        T_ERRNO(ENETDOWN),
        T_ERRNO(ENETRESET),
        T_ERRNO(ENETUNREACH),
        T_ERRNO(ENFILE),
        T_ERRNO(ENOBUFS),
        T_ERRNO(ENODEV),
        T_ERRNO(ENOENT),
        T_ERRNO(ENOMEM),
        T_ERRNO(ENOPROTOOPT),
        T_ERRNO(ENOSPC),
        T_ERRNO(ENOSYS),
        T_ERRNO(ENOTCONN),
        T_ERRNO(ENOTDIR),
        T_ERRNO(ENOTSOCK),
        T_ERRNO(ENOTTY),
        T_ERRNO(ENXIO),
        T_ERRNO(EOPNOTSUPP),
        T_ERRNO(EOVERFLOW),
        T_ERRNO(EPERM),
        T_ERRNO(EPIPE),
        T_ERRNO(EPROTO),
        T_ERRNO(EPROTONOSUPPORT),
        T_ERRNO(EPROTOTYPE),
        T_ERRNO(ERANGE),
        T_ERRNO(ESPIPE),
        T_ERRNO(ETIMEDOUT),
#ifdef ESOCKTNOSUPPORT
        T_ERRNO(ESOCKTNOSUPPORT),
#endif
#ifdef ENOTCAPABLE
        T_ERRNO(ENOTCAPABLE),
#endif
#undef T_ERRNO
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number) return names[i].name;
    static char unknown[32];
    snprintf(unknown, sizeof unknown, "errno %d", number);
    return unknown;
}

/* Prints a call's result as a number or -1 and the errno; gives it back. */
T_UNUSED static long show(const char *what, long result) {
    if (result == -1)
        printf("%s: -1 %s\n", what, errno_name(errno));
    else
        printf("%s: %ld\n", what, result);
    return result;
}

/* The same for a call whose result is a descriptor: its number is not shown. */
T_UNUSED static int show_fd(const char *what, int fd) {
    if (fd < 0)
        printf("%s: -1 %s\n", what, errno_name(errno));
    else
        printf("%s: fd\n", what);
    return fd;
}

/* The same for a call that filled a buffer: the count and the bytes. */
T_UNUSED static long show_data(const char *what, long count, const void *buffer) {
    if (count < 0) return show(what, count);
    printf("%s: %ld \"", what, count);
    for (long i = 0; i < count; i++) {
        unsigned char byte = ((const unsigned char *)buffer)[i];
        if (byte >= 32 && byte < 127 && byte != '"' && byte != '\\')
            putchar(byte);
        else
            printf("\\x%02x", byte);
    }
    printf("\"\n");
    return count;
}

/* A fact that is true or not. */
T_UNUSED static int fact(const char *what, int truth) {
    printf("%s: %s\n", what, truth ? "yes" : "no");
    return truth;
}

/* Preparation: ends the program when it failed. */
T_UNUSED static long must(const char *what, long result) {
    if (result == -1) {
        printf("cannot go on, %s: -1 %s\n", what, errno_name(errno));
        exit(1);
    }
    return result;
}

/* FNV-1a over a stream of bytes; start from CHECKSUM_START. */
#define CHECKSUM_START 2166136261u
T_UNUSED static uint32_t checksum(uint32_t sum, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) sum = (sum ^ ((const unsigned char *)bytes)[i]) * 16777619u;
    return sum;
}

/* Byte number `offset` of a stream that repeats at no power of two. */
T_UNUSED static unsigned char pattern(size_t offset) { return (unsigned char)((offset * 7 + offset / 251) & 0xff); }

T_UNUSED static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* ---- addresses ---- */

struct addr {
    socklen_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    };
};

/* A numeric IPv4 or IPv6 address with a port in host order. */
T_UNUSED static struct addr ip(const char *text, int port) {
    struct addr a;
    memset(&a, 0, sizeof a);
    if (strchr(text, ':') != NULL) {
        a.len = sizeof a.in6;
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, text, &a.in6.sin6_addr);
    } else {
        a.len = sizeof a.in;
        a.in.sin_family = AF_INET;
        a.in.sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, text, &a.in.sin_addr);
    }
    return a;
}

T_UNUSED static struct addr loopback(int family, int port) {
    return ip(family == AF_INET6 ? "::1" : "127.0.0.1", port);
}

/* AF_UNSPEC: what connect takes to forget the peer. */
T_UNUSED static struct addr unspec(void) {
    struct addr a;
    memset(&a, 0, sizeof a);
    a.len = sizeof a.in;
    a.sa.sa_family = AF_UNSPEC;
    return a;
}

static const char *t_scratch = ".";

/* Takes the scratch directory from argv[1]; for programs that name UNIX sockets or files. */
T_UNUSED static void scratch(int argc, char **argv) {
    if (argc > 1) t_scratch = argv[1];
}

/* A path in the scratch directory; good until the next call. */
T_UNUSED static const char *scratch_path(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", t_scratch, name);
    return path;
}

/* A UNIX socket address in the scratch directory. */
T_UNUSED static struct addr unix_addr(const char *name) {
    struct addr a;
    memset(&a, 0, sizeof a);
    a.un.sun_family = AF_UNIX;
    if (strlen(t_scratch) + 1 + strlen(name) >= sizeof a.un.sun_path) {
        printf("cannot go on, the scratch directory's name is too long for a UNIX socket\n");
        exit(1);
    }
    strcpy(a.un.sun_path, t_scratch);
    strcat(a.un.sun_path, "/");
    strcat(a.un.sun_path, name);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(a.un.sun_path) + 1);
    return a;
}

T_UNUSED static struct addr local_addr(int fd) {
    struct addr a;
    memset(&a, 0, sizeof a);
    a.len = sizeof a.storage;
    must("getsockname", getsockname(fd, &a.sa, &a.len));
    return a;
}

T_UNUSED static struct addr peer_addr(int fd) {
    struct addr a;
    memset(&a, 0, sizeof a);
    a.len = sizeof a.storage;
    must("getpeername", getpeername(fd, &a.sa, &a.len));
    return a;
}

T_UNUSED static int port_of(struct addr a) {
    return ntohs(a.sa.sa_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
}

T_UNUSED static int same_addr(struct addr a, struct addr b) {
    if (a.sa.sa_family != b.sa.sa_family) return 0;
    if (a.sa.sa_family == AF_INET)
        return a.in.sin_port == b.in.sin_port && a.in.sin_addr.s_addr == b.in.sin_addr.s_addr;
    if (a.sa.sa_family == AF_INET6)
        return a.in6.sin6_port == b.in6.sin6_port && memcmp(&a.in6.sin6_addr, &b.in6.sin6_addr, 16) == 0;
    return a.len == b.len && memcmp(a.un.sun_path, b.un.sun_path, a.len - offsetof(struct sockaddr_un, sun_path)) == 0;
}

/* Prints an address: the port as 0 or "port", a UNIX path from the scratch directory on. */
T_UNUSED static void show_addr(const char *what, struct addr a) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (a.len == 0) {
        printf("%s: no address\n", what);
    } else if (a.sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof text);
        printf("%s: AF_INET %s %s\n", what, text, a.in.sin_port ? "port" : "0");
    } else if (a.sa.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof text);
        printf("%s: AF_INET6 %s %s\n", what, text, a.in6.sin6_port ? "port" : "0");
    } else if (a.sa.sa_family == AF_UNIX) {
        if (a.len <= offsetof(struct sockaddr_un, sun_path) || a.un.sun_path[0] == '\0') {
            printf("%s: AF_UNIX unnamed\n", what);
        } else {
            const char *path = a.un.sun_path;
            size_t prefix = strlen(t_scratch);
            printf("%s: AF_UNIX %s\n", what, strncmp(path, t_scratch, prefix) == 0 ? path + prefix : path);
        }
    } else {
        printf("%s: %s\n", what, a.sa.sa_family == AF_UNSPEC ? "AF_UNSPEC" : "an unknown family");
    }
}

/* ---- waiting ---- */

/* One poll of one descriptor; gives revents back. */
T_UNUSED static int revents_now(int fd, int events, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = (short)events, .revents = 0};
    must("poll", poll(&p, 1, timeout_ms));
    return p.revents;
}

/* Waits until the descriptor has any of `events`, or an error or hang-up. */
T_UNUSED static int wait_for(int fd, int events) {
    int revents = revents_now(fd, events, T_TIMEOUT_MS);
    if (revents == 0) {
        printf("cannot go on, poll found nothing in %d ms\n", T_TIMEOUT_MS);
        exit(1);
    }
    return revents;
}
T_UNUSED static int wait_readable(int fd) { return wait_for(fd, POLLIN); }
T_UNUSED static int wait_writable(int fd) { return wait_for(fd, POLLOUT); }

/* Waits until all the bits of `wanted` are there at once. */
T_UNUSED static int wait_all(int fd, int events, int wanted) {
    long end = now_ms() + T_TIMEOUT_MS;
    int revents;
    while (((revents = wait_for(fd, events)) & wanted) != wanted)
        if (now_ms() > end) {
            printf("cannot go on, poll did not come to the awaited state\n");
            exit(1);
        }
    return revents;
}

/* Waits until `count` bytes can be received from a stream at once. */
T_UNUSED static void wait_bytes(int fd, size_t count) {
    static char buffer[65536];
    long end = now_ms() + T_TIMEOUT_MS;
    for (;;) {
        wait_readable(fd);
        ssize_t n = recv(fd, buffer, count < sizeof buffer ? count : sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
        if (n >= (ssize_t)count) return;
        if (n == 0 || now_ms() > end) {
            printf("cannot go on, %ld of %ld bytes came\n", (long)n, (long)count);
            exit(1);
        }
    }
}

T_UNUSED static void show_revents(const char *what, int revents) {
    static const struct {
        int bit;
        const char *name;
    } bits[] = {{POLLIN, " POLLIN"},
                {POLLOUT, " POLLOUT"},
                {POLLERR, " POLLERR"},
                {POLLHUP, " POLLHUP"},
                {POLLNVAL, " POLLNVAL"}};
    printf("%s:", what);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (revents & bits[i].bit) printf("%s", bits[i].name);
    printf(revents ? "\n" : " nothing\n");
}

/* Polls for both directions without waiting and prints what there is. */
T_UNUSED static void show_poll(const char *what, int fd) { show_revents(what, revents_now(fd, POLLIN | POLLOUT, 0)); }

/* ---- sockets ---- */

T_UNUSED static int tcp(int family) { return (int)must("socket", socket(family, SOCK_STREAM, 0)); }
T_UNUSED static int udp(int family) { return (int)must("socket", socket(family, SOCK_DGRAM, 0)); }

T_UNUSED static void set_nonblocking(int fd, int on) {
    int flags = (int)must("fcntl", fcntl(fd, F_GETFL, 0));
    must("fcntl", fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

T_UNUSED static int bind_to(int fd, struct addr a) { return bind(fd, &a.sa, a.len); }
T_UNUSED static int connect_to(int fd, struct addr a) { return connect(fd, &a.sa, a.len); }
T_UNUSED static ssize_t send_to(int fd, const void *bytes, size_t count, struct addr a) {
    return sendto(fd, bytes, count, MSG_NOSIGNAL, &a.sa, a.len);
}

/* A listener on the loopback address and an ephemeral port. */
T_UNUSED static int tcp_listener(int family) {
    int fd = tcp(family);
    must("bind", bind_to(fd, loopback(family, 0)));
    must("listen", listen(fd, 64));
    return fd;
}

/* A UDP socket bound to the loopback address and an ephemeral port. */
T_UNUSED static int udp_bound(int family) {
    int fd = udp(family);
    must("bind", bind_to(fd, loopback(family, 0)));
    return fd;
}

/* A loopback port where nothing listens: one that was bound a moment ago, and is kept bound so that no other
 * program gets it. A bound socket that does not listen refuses connections. */
T_UNUSED static struct addr refusing_addr(int family) {
    int fd = tcp(family);
    must("bind", bind_to(fd, loopback(family, 0)));
    return local_addr(fd);
}

T_UNUSED static int accept_one(int listener) {
    wait_readable(listener);
    return (int)must("accept", accept(listener, NULL, NULL));
}

/* A connected pair of TCP sockets: pair[0] connected, pair[1] was accepted. */
T_UNUSED static void tcp_pair(int family, int pair[2]) {
    int listener = tcp_listener(family);
    pair[0] = tcp(family);
    must("connect", connect_to(pair[0], local_addr(listener)));
    pair[1] = accept_one(listener);
    close(listener);
}

/* Two UDP sockets, each connected to the other. */
T_UNUSED static void udp_pair(int family, int pair[2]) {
    pair[0] = udp_bound(family);
    pair[1] = udp_bound(family);
    must("connect", connect_to(pair[0], local_addr(pair[1])));
    must("connect", connect_to(pair[1], local_addr(pair[0])));
}

/* A connected pair of UNIX stream sockets through a listener at `name`, which is unlinked again. */
T_UNUSED static void unix_pair(const char *name, int pair[2]) {
    struct addr a = unix_addr(name);
    unlink(a.un.sun_path);
    int listener = tcp(AF_UNIX);
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 8));
    pair[0] = tcp(AF_UNIX);
    must("connect", connect_to(pair[0], a));
    pair[1] = accept_one(listener);
    close(listener);
    unlink(a.un.sun_path);
}

/* Closes with a reset instead of the orderly end. */
T_UNUSED static void close_with_reset(int fd) {
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    must("setsockopt", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    close(fd);
}

/* Receives until `count` bytes are there or the stream ends; gives the number. */
T_UNUSED static long recv_all(int fd, void *buffer, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t n = recv(fd, (char *)buffer + done, count - done, 0);
        if (n < 0) return n;
        if (n == 0) break;
        done += (size_t)n;
    }
    return (long)done;
}

/* ---- options ---- */

T_UNUSED static int set_int(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* The value of an int option; the program ends when it cannot be had. */
T_UNUSED static int int_option(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    must("getsockopt", getsockopt(fd, level, name, &value, &len));
    return value;
}

/* Prints an int option. */
T_UNUSED static void show_option(const char *what, int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    if (getsockopt(fd, level, name, &value, &len) < 0)
        show(what, -1);
    else
        printf("%s: %d%s\n", what, value, len == sizeof value ? "" : " of another length");
}

/* Prints SO_ERROR, which reading clears. */
T_UNUSED static int show_so_error(int fd) {
    int error = int_option(fd, SOL_SOCKET, SO_ERROR);
    printf("SO_ERROR: %s\n", error ? errno_name(error) : "0");
    return error;
}

#endif
