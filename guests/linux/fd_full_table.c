/* A full table of descriptors: EMFILE from whatever makes one, MSG_CTRUNC where some came in a message, and nothing is
 * left open that has no number. getrlimit(2), unix(7). */
#include "../c/t.h"
#include <sys/epoll.h>
#include <sys/resource.h>

static int filler[5000], fillers;

/* Takes all numbers that are left; gives how many they were. */
static int fill(void) {
    int before = fillers, fd;
    while (fillers < 5000 && (fd = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0) filler[fillers++] = fd;
    if (errno != EMFILE) show("the table is not full", -1);
    return fillers - before;
}

static void release(int count) {
    while (count-- > 0 && fillers > 0) close(filler[--fillers]);
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(4 * sizeof(int))];
};

static void send_fds(int to, const int *fds, size_t count) {
    union control control;
    memset(&control, 0, sizeof control);
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    must("sendmsg", sendmsg(to, &message, MSG_NOSIGNAL));
}

/* Receives up to three descriptors and shows what the message says of them. */
static size_t receive_fds(int from, int *fds) {
    union control control;
    memset(&control, 0, sizeof control);
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(3 * sizeof(int))};
    show("recvmsg", recvmsg(from, &message, 0));
    fact("MSG_CTRUNC", (message.msg_flags & MSG_CTRUNC) != 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    fact("control data", header != NULL);
    if (header == NULL) return 0;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    int ordered = 1;
    for (size_t i = 1; i < count; i++) ordered &= fds[i - 1] < fds[i];
    show("descriptors", (long)count);
    fact("in order", ordered);
    return count;
}

/* Sends three ends of a pipe to write to, and closes them here. */
static int send_three(int to) {
    int ends[2], three[3];
    must("pipe", pipe(ends));
    three[0] = ends[1];
    three[1] = (int)must("dup", dup(ends[1]));
    three[2] = (int)must("dup", dup(ends[1]));
    send_fds(to, three, 3);
    for (int i = 0; i < 3; i++) close(three[i]);
    must("fcntl", fcntl(ends[0], F_SETFL, O_NONBLOCK));
    return ends[0];
}

int main(void) {
#ifndef __EMSCRIPTEN__
    struct rlimit few = {200, 200};
    must("setrlimit", setrlimit(RLIMIT_NOFILE, &few));
#endif
    int pair[2], got[3] = {-1, -1, -1}, two[2] = {-7, -7};
    char byte;
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int listener = tcp_listener(AF_INET);
    struct addr a = local_addr(listener);
    int client = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    must("connect", connect_to(client, a));
    wait_readable(listener);
    int pipes[3];
    for (int i = 0; i < 3; i++) pipes[i] = send_three(pair[0]);
    int all = fill();

    show_fd("socket", socket(AF_INET, SOCK_STREAM, 0));
    show("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, two));
    show("pipe", pipe(two));
    fact("untouched", two[0] == -7 && two[1] == -7);
    show_fd("dup", dup(client));
    show_fd("F_DUPFD", fcntl(client, F_DUPFD, 3));
    show_fd("F_DUPFD beyond", fcntl(client, F_DUPFD, 1000000));
    show_fd("epoll_create1", epoll_create1(0));
    show_fd("accept", accept(listener, NULL, NULL));
    show_fd("accept of what listens not", accept(client, NULL, NULL));
    show_fd("dup2 onto another", dup2(client, filler[0]));

    release(1);
    show("a pair where there is room for one", socketpair(AF_UNIX, SOCK_STREAM, 0, two));
    filler[fillers++] = show_fd("the room is still there", socket(AF_UNIX, SOCK_DGRAM, 0));

    (void)receive_fds(pair[1], got);
    show("all of them are closed", read(pipes[0], &byte, 1));
    release(1);
    size_t count = receive_fds(pair[1], got);
    show("one of them is open", read(pipes[1], &byte, 1));
    for (size_t i = 0; i < count; i++) close(got[i]);
    show("and closed", read(pipes[1], &byte, 1));
    release(2);
    count = receive_fds(pair[1], got);
    show("write", write(got[1], "y", 1));
    show("read", read(pipes[2], &byte, 1));
    for (size_t i = 0; i < count; i++) close(got[i]);
    show("the end", read(pipes[2], &byte, 1));

    int accepted = show_fd("accept", accept(listener, NULL, NULL));
    show("send", send(client, "z", 1, MSG_NOSIGNAL));
    show("recv", recv(accepted, &byte, 1, 0));
    close(accepted);
    release(fillers);
    fact("as many as before", fill() == all);
    return 0;
}
