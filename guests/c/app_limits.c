/* app_limits: a guest that tries to get more through its limits than they allow, and prints what it got. Each mode goes on until
 * it is refused; tests/tests/attacks/limits.rs judges the result against what the peers have seen.
 *
 *   peek CALL udp|tcp PORT [now]   looks at what comes by CALL (recv, recvfrom, recvmsg) with MSG_PEEK and throws it away: a datagram
 *                            by a receive without room, a connection by closing it. "saw BYTES then ERRNO"
 *   twice PORT               looks at each 100 bytes of a stream twice, and takes them: "took BYTES then ERRNO"
 *   short PORT               takes datagrams into one byte: "took COUNT then ERRNO"
 *   empty PORT MS            sends empty datagrams as fast as it can, without waiting, for so long: "sent COUNT refused ERRNO in MS"
 *   connect PORT MS          begins connections likewise
 *   accept MS                takes connections likewise; prints "port PORT" first
 *   calm PORT COUNT          connects so often, and waits each time: "connected COUNT in MS"
 */
#include "t.h"

static char room[65536];

static ssize_t look(const char *call, int fd, int flags) {
    if (strcmp(call, "recv") == 0) return recv(fd, room, sizeof room, flags);
    if (strcmp(call, "recvfrom") == 0) {
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        return recvfrom(fd, room, sizeof room, flags, (struct sockaddr *)&from, &length);
    }
    struct iovec parts[2] = {{room, 16}, {room + 16, sizeof room - 16}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return recvmsg(fd, &message, flags);
}

/* One peek, and then away with it. Counts what was seen; 0 or the errno. */
static int udp_round(const char *call, int fd, int flags, long *seen) {
    ssize_t count = look(call, fd, MSG_PEEK | flags);
    if (count < 0) return errno;
    *seen += count;
    return recv(fd, room, 0, flags) < 0 ? errno : 0;
}

static int tcp_round(const char *call, struct addr to, long *seen) {
    int fd = tcp(AF_INET), error = 0;
    if (connect_to(fd, to) != 0) error = errno;
    ssize_t count = error == 0 ? look(call, fd, MSG_PEEK) : 0;
    if (count < 0) error = errno;
    if (count > 0) *seen += count;
    close(fd);
    return error;
}

static int peek(const char *call, const char *kind, struct addr to, int now) {
    int stream = strcmp(kind, "tcp") == 0, fd = stream ? -1 : udp(AF_INET), error = 0;
    long seen = 0, end = now_ms() + 5 * T_TIMEOUT_MS;
    if (!stream) {
        must("connect", connect_to(fd, to));
        must("send", send(fd, "", 0, 0)); /* so that the peer knows where to */
    }
    while ((error == 0 || (now && error == EAGAIN)) && now_ms() < end)
        error = stream ? tcp_round(call, to, &seen) : udp_round(call, fd, now ? MSG_DONTWAIT : 0, &seen);
    printf("saw %ld then %s\n", seen, error == 0 ? "nothing" : errno_name(error));
    return 0;
}

static int twice(struct addr to) {
    int fd = tcp(AF_INET);
    long taken = 0;
    ssize_t count;
    must("connect", connect_to(fd, to));
    do {
        count = recv(fd, room, 100, MSG_PEEK);
        if (count > 0) count = recv(fd, room, (size_t)count, MSG_PEEK);
        if (count > 0) count = recv(fd, room, (size_t)count, 0);
        if (count > 0) taken += count;
    } while (count > 0);
    printf("took %ld then %s\n", taken, count == 0 ? "the end" : errno_name(errno));
    return 0;
}

static int shortened(struct addr to) {
    int fd = udp(AF_INET), taken = 0;
    must("connect", connect_to(fd, to));
    must("send", send(fd, "", 0, 0));
    while (recv(fd, room, 1, 0) >= 0) taken++;
    printf("took %d then %s\n", taken, errno_name(errno));
    return 0;
}

/* Tries for so long; `how` says what: it returns whether one got through, and else leaves errno. */
static int storm(int (*how)(int, struct addr), int fd, struct addr to, long ms) {
    int count = 0, odd = 0;
    long start = now_ms();
    while (now_ms() - start < ms) {
        if (how(fd, to))
            count++;
        else if (errno != EAGAIN)
            odd = errno;
    }
    printf("sent %d refused %s in %ld\n", count, odd == 0 ? "EAGAIN" : errno_name(odd), now_ms() - start);
    return 0;
}

static int empty_datagram(int fd, struct addr to) {
    (void)to;
    return send(fd, "", 0, MSG_DONTWAIT) == 0;
}

static int connection(int fd, struct addr to) {
    fd = tcp(AF_INET);
    set_nonblocking(fd, 1);
    int begun = connect_to(fd, to) == 0 || errno == EINPROGRESS, error = errno;
    close(fd);
    errno = error;
    return begun;
}

static int acceptance(int fd, struct addr to) {
    (void)to;
    int accepted = accept(fd, NULL, NULL);
    if (accepted >= 0) close(accepted);
    return accepted >= 0;
}

static int calm(struct addr to, int count) {
    long start = now_ms();
    for (int i = 0; i < count; i++) {
        int fd = tcp(AF_INET);
        must("connect", connect_to(fd, to));
        close(fd);
    }
    printf("connected %d in %ld\n", count, now_ms() - start);
    return 0;
}

int main(int argc, char **argv) {
    const char *mode = argc > 2 ? argv[1] : "";
    struct addr to = ip("127.0.0.1", argc > 2 ? atoi(argv[2]) : 0);
    if (strcmp(mode, "peek") == 0 && argc > 4) return peek(argv[2], argv[3], ip("127.0.0.1", atoi(argv[4])), argc > 5);
    if (strcmp(mode, "twice") == 0) return twice(to);
    if (strcmp(mode, "short") == 0) return shortened(to);
    if (strcmp(mode, "calm") == 0 && argc > 3) return calm(to, atoi(argv[3]));
    if (strcmp(mode, "empty") == 0 && argc > 3) {
        int fd = udp(AF_INET);
        must("connect", connect_to(fd, to));
        return storm(empty_datagram, fd, to, atol(argv[3]));
    }
    if (strcmp(mode, "connect") == 0 && argc > 3) return storm(connection, -1, to, atol(argv[3]));
    if (strcmp(mode, "accept") == 0) {
        int fd = tcp_listener(AF_INET);
        set_nonblocking(fd, 1);
        printf("port %d\n", port_of(local_addr(fd)));
        return storm(acceptance, fd, to, atol(argv[2]));
    }
    return 2;
}
