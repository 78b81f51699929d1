/* FD_CLOEXEC is kept for each descriptor, and is the descriptor's and not the open file's. fcntl(2): F_GETFD, F_SETFD. */
#include "../c/t.h"
#include <sys/epoll.h>

static void flag(const char *what, int fd) { show(what, fcntl(fd, F_GETFD)); }

/* One descriptor by SCM_RIGHTS. */
static int passed(int carrier[2], int fd, int flags) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    must("sendmsg", sendmsg(carrier[0], &message, MSG_NOSIGNAL));
    must("recvmsg", recvmsg(carrier[1], &message, flags));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

int main(int argc, char **argv) {
    scratch(argc, argv);
    int plain = udp(AF_INET);
    flag("socket", plain);
    int closed = (int)must("socket", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    flag("socket SOCK_CLOEXEC", closed);
    fact("F_GETFL has O_CLOEXEC", fcntl(closed, F_GETFL) & O_CLOEXEC);
    fact("F_GETFL has O_NONBLOCK", fcntl(closed, F_GETFL) & O_NONBLOCK);

    show("F_SETFD 1", fcntl(plain, F_SETFD, FD_CLOEXEC));
    flag("then", plain);
    show("F_SETFD 2", fcntl(plain, F_SETFD, 2));
    flag("then", plain);

    int copy = (int)must("dup", dup(closed));
    flag("dup", copy);
    flag("its source", closed);
    show("F_SETFD of the copy", fcntl(copy, F_SETFD, FD_CLOEXEC));
    show("F_SETFD 0 of the source", fcntl(closed, F_SETFD, 0));
    flag("the copy", copy);
    flag("the source", closed);
    int high = fcntl(closed, F_DUPFD_CLOEXEC, 40);
    fact("F_DUPFD_CLOEXEC at 40 or above", high >= 40);
    flag("it", high);
    int low = (int)must("F_DUPFD", fcntl(high, F_DUPFD, 0));
    flag("F_DUPFD", low);
    fact("dup3 O_CLOEXEC", dup3(closed, low, O_CLOEXEC) == low);
    flag("it", low);
    fact("F_GETFL has O_CLOEXEC", fcntl(low, F_GETFL) & O_CLOEXEC);
    fact("dup2 onto it", dup2(closed, low) == low);
    flag("it", low);
    show("dup3 with another flag", dup3(closed, low, O_NONBLOCK));
    show("dup3 onto itself", dup3(closed, closed, 0));
    show("F_DUPFD_CLOEXEC at -1", fcntl(closed, F_DUPFD_CLOEXEC, -1));

    int pair[2];
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    flag("socketpair SOCK_CLOEXEC", pair[0]);
    flag("and the other", pair[1]);
    int arrived = passed(pair, pair[0], 0);
    flag("passed on", arrived);
    flag("passed on, MSG_CMSG_CLOEXEC", passed(pair, arrived, MSG_CMSG_CLOEXEC));
    must("pipe2", pipe2(pair, O_CLOEXEC));
    flag("pipe2 O_CLOEXEC", pair[0]);
    flag("and the other", pair[1]);
    must("pipe", pipe(pair));
    flag("pipe", pair[0]);
    flag("epoll_create1 EPOLL_CLOEXEC", (int)must("epoll_create1", epoll_create1(EPOLL_CLOEXEC)));
    flag("epoll_create1", (int)must("epoll_create1", epoll_create1(0)));

    int listener = tcp_listener(AF_INET), clients[2] = {tcp(AF_INET), tcp(AF_INET)};
    must("F_SETFD", fcntl(listener, F_SETFD, FD_CLOEXEC));
    for (int i = 0; i < 2; i++) must("connect", connect_to(clients[i], local_addr(listener)));
    wait_readable(listener);
    flag("accept", (int)must("accept", accept(listener, NULL, NULL)));
    wait_readable(listener);
    flag("accept4 SOCK_CLOEXEC", (int)must("accept4", accept4(listener, NULL, NULL, SOCK_CLOEXEC)));

    const char *path = scratch_path("fd_cloexec");
    int file = (int)must("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    flag("open", file);
    show("F_SETFD", fcntl(file, F_SETFD, FD_CLOEXEC));
    flag("then", file);
    flag("dup", (int)must("dup", dup(file)));
    close(file);
    int again = (int)must("open", open(path, O_RDONLY | O_CLOEXEC));
    fact("the number is used again", again == file);
    flag("open O_CLOEXEC", again);
    fact("F_GETFL has O_CLOEXEC", fcntl(again, F_GETFL) & O_CLOEXEC);
    flag("dup", (int)must("dup", dup(again)));
    show("FIONCLEX", ioctl(again, FIONCLEX));
    flag("then", again);
    unlink(path);

    show("FIOCLEX", ioctl(plain, FIOCLEX));
    flag("then", plain);
    show("FIONCLEX", ioctl(plain, FIONCLEX));
    flag("then", plain);
    close(plain);
    flag("closed", plain);
    show("F_SETFD, closed", fcntl(plain, F_SETFD, FD_CLOEXEC));
    show("FIOCLEX, closed", ioctl(plain, FIOCLEX));
    return 0;
}
