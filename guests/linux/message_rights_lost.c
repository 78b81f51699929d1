/* SCM_RIGHTS that are not received: what was sent is closed when the socket that it waits in is. unix(7). */
#include "../c/t.h"

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static long send_fd(int to, int fd) {
    union control control;
    memset(&control, 0, sizeof control);
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    return sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends the end of a pipe to write to, and closes it here; gives the end to read from. */
static int send_pipe(int to) {
    int ends[2];
    must("pipe", pipe(ends));
    must("sendmsg", send_fd(to, ends[1]));
    close(ends[1]);
    must("fcntl", fcntl(ends[0], F_SETFL, O_NONBLOCK));
    return ends[0];
}

/* Whether somebody still has the end to write to. */
static void open_still(const char *what, int end) {
    char byte;
    show(what, read(end, &byte, 1));
}

static void pair_of(const char *what, int type) {
    int pair[2];
    printf("%s\n", what);
    must("socketpair", socketpair(AF_UNIX, type, 0, pair));
    int end = send_pipe(pair[0]);
    open_still("both open", end);
    close(pair[0]);
    open_still("the sender closed", end);
    close(pair[1]);
    open_still("both closed", end);
    close(end);
}

int main(int argc, char **argv) {
    scratch(argc, argv);
    pair_of("stream", SOCK_STREAM);
    pair_of("datagram", SOCK_DGRAM);
    pair_of("seqpacket", SOCK_SEQPACKET);

    int pair[2], other[2];
    char byte;
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int end = send_pipe(pair[0]);
    show("read, without control data", read(pair[1], &byte, 1));
    open_still("read", end);
    close(end);

    /* A connection that is not accepted. */
    struct addr a = unix_addr("lost");
    int listener = (int)must("socket", socket(AF_UNIX, SOCK_STREAM, 0)), fd = socket(AF_UNIX, SOCK_STREAM, 0);
    must("bind", bind_to(listener, a));
    must("listen", listen(listener, 4));
    must("connect", connect_to(fd, a));
    end = send_pipe(fd);
    close(fd);
    open_still("not accepted", end);
    close(listener);
    open_still("the listener closed", end);
    unlink(a.un.sun_path);
    close(end);

    /* A pair within a pair. */
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, other));
    end = send_pipe(other[0]);
    must("sendmsg", send_fd(pair[0], other[1]));
    close(other[0]);
    close(other[1]);
    open_still("within", end);
    close(pair[0]);
    close(pair[1]);
    open_still("the outer closed", end);
    close(end);

    /* Repeated, to see that nothing is used up. */
    int lost = 0;
    for (int i = 0; i < 3000; i++) {
        must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
        lost += send_fd(pair[0], pair[0]) == 1;
        close(pair[0]);
        close(pair[1]);
    }
    show("lost", lost);
    return 0;
}
