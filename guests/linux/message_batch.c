/* sendmmsg and recvmmsg beyond the plain case: what ends a batch early, what becomes of the error, MSG_WAITFORONE, the timeout that
 * is looked at after a datagram only, control data and streams. sendmmsg(2), recvmmsg(2). */
#include "../c/t.h"

#define MOST 1100

static struct mmsghdr messages[MOST];
static struct iovec parts[MOST];
static char rooms[MOST][16];

/* `count` messages of `len` bytes each, without addresses. */
static void prepare(int count, size_t len) {
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < count; i++) {
        memset(rooms[i], 'a' + i % 26, sizeof rooms[i]);
        parts[i] = (struct iovec){.iov_base = rooms[i], .iov_len = len};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_len = 77;
    }
}

static void name(int i, struct addr *a) {
    messages[i].msg_hdr.msg_name = &a->storage;
    messages[i].msg_hdr.msg_namelen = a->len;
}

static void show_received(const char *what, int count) {
    show(what, count);
    for (int i = 0; i < count; i++) show_data("data", (long)messages[i].msg_len, rooms[i]);
}

/* Takes what is there; gives how many datagrams it was. */
static int drain(int fd) {
    int count = 0;
    char byte;
    while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0) count++;
    return count;
}

static void ends_early(void) {
    int from = udp_bound(AF_INET), to = udp_bound(AF_INET);
    struct addr good = local_addr(to), short_one = good, none = loopback(AF_INET, 0);
    short_one.len = 3;
    prepare(5, 4);
    for (int i = 0; i < 5; i++) name(i, &good);
    name(3, &short_one);
    show("the fourth address is too short", sendmmsg(from, messages, 5, 0));
    show("the first", (long)messages[0].msg_len);
    show("the fourth", (long)messages[3].msg_len);
    show("from the fourth on", sendmmsg(from, messages + 3, 2, 0));
    name(3, &none);
    show("port 0 is the fourth", sendmmsg(from, messages, 5, 0));
    parts[1].iov_len = 70000;
    parts[1].iov_base = calloc(1, 70000);
    show("the second is too long", sendmmsg(from, messages, 5, 0));
    show("it is the first", sendmmsg(from, messages + 1, 4, 0));
    messages[2].msg_hdr.msg_iovlen = 1025;
    show("too many buffers", sendmmsg(from, messages + 2, 1, 0));
    show("they came", drain(to));
    prepare(5, 4);
    show("without a destination", sendmmsg(from, messages, 5, 0));
    show("no messages", sendmmsg(from, messages, 0, 0));
    show("no messages to receive", recvmmsg(to, messages, 0, 0, NULL));
    show("a bad descriptor", sendmmsg(9999, messages, 5, 0));
    show("no messages and a bad descriptor", sendmmsg(9999, messages, 0, 0));
    int file = open("/", O_RDONLY | O_DIRECTORY);
    show("not a socket", sendmmsg(file, messages, 5, 0));
    show("not a socket to receive from", recvmmsg(file, messages, 5, 0, NULL));
    close(file);
    close(from);
    close(to);
}

static void is_capped(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    set_int(pair[1], SOL_SOCKET, SO_RCVBUF, 4 << 20);
    prepare(MOST, 0);
    show("1100 messages", sendmmsg(pair[0], messages, MOST, 0));
    drain(pair[1]);
    close(pair[0]);
    close(pair[1]);
}

static void receives(void) {
    int pair[2];
    struct addr sender;
    udp_pair(AF_INET, pair);
    prepare(3, 4);
    show("sendmmsg", sendmmsg(pair[0], messages, 3, 0));
    wait_readable(pair[1]);
    prepare(5, 2);
    memset(&sender, 0, sizeof sender);
    sender.len = sizeof sender.storage;
    name(0, &sender);
    show_received("one is waited for", recvmmsg(pair[1], messages, 5, MSG_WAITFORONE, NULL));
    fact("truncated", messages[1].msg_hdr.msg_flags == MSG_TRUNC);
    sender.len = messages[0].msg_hdr.msg_namelen;
    fact("from the sender", same_addr(sender, local_addr(pair[0])));
    show("the length of no name", (long)messages[1].msg_hdr.msg_namelen);
    prepare(2, 4);
    show("nothing is there", recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, NULL));
    show("nothing is there, with a timeout", recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, &(struct timespec){5, 0}));
    /* Real lengths, and a look that leaves the datagram. */
    show("sendmmsg", sendmmsg(pair[0], messages, 2, 0));
    wait_readable(pair[1]);
    prepare(2, 1);
    show("looked at", recvmmsg(pair[1], messages, 2, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, NULL));
    show("real length", (long)messages[0].msg_len);
    show("and again", (long)messages[1].msg_len);
    prepare(2, 4);
    show_received("taken", recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, NULL));
    /* SO_RCVTIMEO bounds the wait for each datagram, and what came before is reported. */
    struct timeval limit = {.tv_sec = 0, .tv_usec = 20000};
    must("setsockopt", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    must("send", send(pair[0], "xy", 2, 0));
    show_received("one and a limit", recvmmsg(pair[1], messages, 2, 0, NULL));
    show("none and a limit", recvmmsg(pair[1], messages, 2, 0, NULL));
    close(pair[0]);
    close(pair[1]);
}

static void timeouts(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    struct timespec time = {.tv_sec = 0, .tv_nsec = 1000000000};
    prepare(4, 4);
    show("a time that is none", recvmmsg(pair[1], messages, 4, 0, &time));
    time = (struct timespec){.tv_sec = -1, .tv_nsec = 0};
    show("a negative one", recvmmsg(9999, messages, 4, 0, &time));
    show("sendmmsg", sendmmsg(pair[0], messages, 4, 0));
    wait_readable(pair[1]);
    time = (struct timespec){.tv_sec = 0, .tv_nsec = 0};
    show_received("no time at all takes one", recvmmsg(pair[1], messages, 4, 0, &time));
    time = (struct timespec){.tv_sec = 100, .tv_nsec = 0};
    show_received("a long one is waited for by none that are there", recvmmsg(pair[1], messages, 3, 0, &time));
    fact("what is left", time.tv_sec >= 90 && time.tv_sec <= 100);
    time = (struct timespec){.tv_sec = 100, .tv_nsec = 7};
    show("nothing came", recvmmsg(pair[1], messages, 4, MSG_DONTWAIT, &time));
    fact("it is as it was", time.tv_sec == 100 && time.tv_nsec == 7);
    close(pair[0]);
    close(pair[1]);
}

/* An error that comes after datagrams shows at the next call. */
static void errors(void) {
    int pair[2];
    udp_pair(AF_INET, pair);
    struct addr gone = local_addr(pair[1]);
    prepare(2, 4);
    must("send", send(pair[1], "1", 1, 0));
    wait_readable(pair[0]);
    close(pair[1]);
    must("send", send(pair[0], "x", 1, 0));
    wait_for(pair[0], POLLERR);
    show("the error is first", recvmmsg(pair[0], messages, 2, MSG_DONTWAIT, NULL));
    show_received("then the datagram", recvmmsg(pair[0], messages, 2, MSG_DONTWAIT, NULL));
    must("send", send(pair[0], "x", 1, 0));
    wait_for(pair[0], POLLERR);
    show("a batch to a port that is gone", sendmmsg(pair[0], messages, 2, 0));
    (void)gone;
    close(pair[0]);
}

static void control(void) {
    int from = udp_bound(AF_INET), to = udp_bound(AF_INET);
    struct addr address = local_addr(to);
    union {
        struct cmsghdr header;
        char bytes[64];
    } controls[3];
    must("setsockopt", set_int(to, IPPROTO_IP, IP_RECVTOS, 1));
    prepare(3, 4);
    memset(controls, 0, sizeof controls);
    for (int i = 0; i < 3; i++) {
        int tos = i << 3;
        name(i, &address);
        messages[i].msg_hdr.msg_control = &controls[i];
        messages[i].msg_hdr.msg_controllen = CMSG_SPACE(sizeof tos);
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_TOS;
        header->cmsg_len = CMSG_LEN(sizeof tos);
        memcpy(CMSG_DATA(header), &tos, sizeof tos);
    }
    show("each with its own IP_TOS", sendmmsg(from, messages, 3, 0));
    wait_readable(to);
    prepare(3, 4);
    memset(controls, 0, sizeof controls);
    for (int i = 0; i < 3; i++) {
        messages[i].msg_hdr.msg_control = &controls[i];
        messages[i].msg_hdr.msg_controllen = i == 1 ? 4 : sizeof controls[i];
    }
    show("recvmmsg", recvmmsg(to, messages, 3, MSG_WAITFORONE, NULL));
    for (int i = 0; i < 3; i++) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        fact("control data is lost", (messages[i].msg_hdr.msg_flags & MSG_CTRUNC) != 0);
        if (i != 1) show("IP_TOS", header == NULL ? -2 : (long)*CMSG_DATA(header));
    }
    close(from);
    close(to);
}

static void streams(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    prepare(3, 4);
    show("over TCP", sendmmsg(pair[0], messages, 3, MSG_NOSIGNAL));
    wait_bytes(pair[1], 12);
    prepare(3, 5);
    show_received("in other pieces", recvmmsg(pair[1], messages, 3, MSG_WAITFORONE, NULL));
    shutdown(pair[0], SHUT_WR);
    wait_readable(pair[1]);
    show_received("at the end", recvmmsg(pair[1], messages, 2, 0, NULL));
    /* More than there is room for: what went out is counted, a part too. */
    set_nonblocking(pair[1], 1);
    size_t large = 8 << 20;
    void *bytes = calloc(1, large);
    for (int i = 0; i < 3; i++) parts[i] = (struct iovec){.iov_base = bytes, .iov_len = large};
    show("too much for a stream", sendmmsg(pair[1], messages, 3, MSG_NOSIGNAL));
    fact("a part of the first", messages[0].msg_len > 0 && messages[0].msg_len < large);
    /* The kernel still moves bytes to the receiver. */
    int sent;
    while ((sent = sendmmsg(pair[1], messages, 3, MSG_NOSIGNAL)) > 0) continue;
    show("and at last nothing", sent);
    free(bytes);
    close(pair[0]);
    close(pair[1]);
}

/* Descriptors in several messages of one batch. */
static void rights(void) {
    int carrier[2], pair[2], got[2][2];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } controls[2];
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, carrier));
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    prepare(2, 1);
    memset(controls, 0, sizeof controls);
    for (int i = 0; i < 2; i++) {
        messages[i].msg_hdr.msg_control = &controls[i];
        messages[i].msg_hdr.msg_controllen = CMSG_SPACE(2 * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(header), pair, 2 * sizeof(int));
    }
    show("two messages with two descriptors each", sendmmsg(carrier[0], messages, 2, 0));
    prepare(3, 1);
    memset(controls, 0, sizeof controls);
    for (int i = 0; i < 2; i++) {
        messages[i].msg_hdr.msg_control = &controls[i];
        messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    show("received", recvmmsg(carrier[1], messages, 3, MSG_DONTWAIT, NULL));
    for (int i = 0; i < 2; i++) {
        memcpy(got[i], CMSG_DATA(CMSG_FIRSTHDR(&messages[i].msg_hdr)), sizeof got[i]);
        show("send", send(got[i][0], "alive", 5, MSG_NOSIGNAL));
    }
    fact("they are four numbers", got[0][0] != got[1][0] && got[0][1] != got[1][1] && got[0][0] != got[1][1]);
    char buffer[16];
    show_data("recv", recv(got[0][1], buffer, sizeof buffer, 0), buffer);
}

int main(void) {
    ends_early();
    is_capped();
    receives();
    timeouts();
    errors();
    control();
    streams();
    rights();
    return 0;
}
