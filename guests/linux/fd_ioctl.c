/* What ioctl(2) and fcntl(2) ask of a descriptor: bytes that the peer has not acknowledged, the mark of urgent data, who
 * gets SIGIO, and requests that it does not know. tcp(7), udp(7), socket(7), fcntl(2). SIGIO itself is never raised here:
 * nothing comes while O_ASYNC is on. */
#include "../c/t.h"
#include <sys/epoll.h>

/* linux/sockios.h has the names, and does not mix with musl's headers. */
#define SET_OWNER 0x8901 /* FIOSETOWN */
#define GET_OWNER 0x8903 /* FIOGETOWN */
#define NO_SUCH_REQUEST 0x54f9

static void value(const char *what, int fd, int request) {
    int number = -7;
    if (show(what, ioctl(fd, request, &number)) == 0) printf("%d\n", number);
}

static void owner(const char *what, int fd) {
    struct f_owner_ex owner = {.type = -1, .pid = -1};
    int pid = getpid(), group = getpgrp(), number = -1, plain = fcntl(fd, F_GETOWN);
    must("F_GETOWN_EX", fcntl(fd, F_GETOWN_EX, &owner));
    const char *is = plain == 0 ? "none" : plain == pid ? "this process" : plain == -group ? "its group" : "another";
    printf("%s: %s, type %d\n", what, is, (int)owner.type);
    fact("F_GETOWN_EX has the same", owner.pid == (plain < 0 ? -plain : plain));
    if (ioctl(fd, GET_OWNER, &number) == 0) fact("FIOGETOWN has the same", number == plain);
}

static void async(const char *what, int fd) {
    int on = 1, off = 0;
    printf("%s\n", what);
    show("FIOASYNC 1", ioctl(fd, FIOASYNC, &on));
    fact("O_ASYNC", fcntl(fd, F_GETFL) & O_ASYNC);
    show("FIOASYNC 0", ioctl(fd, FIOASYNC, &off));
    fact("O_ASYNC", fcntl(fd, F_GETFL) & O_ASYNC);
    show("F_SETFL O_ASYNC", fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
    fact("O_ASYNC", fcntl(fd, F_GETFL) & O_ASYNC);
    show("F_SETFL 0", fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_ASYNC));
    fact("O_ASYNC", fcntl(fd, F_GETFL) & O_ASYNC);
}

int main(void) {
    int pair[2], pipes[2];
    tcp_pair(AF_INET, pair);
    int listener = tcp_listener(AF_INET), datagrams = udp_bound(AF_INET);
    int epoll = (int)must("epoll_create1", epoll_create1(0));
    must("pipe", pipe(pipes));

    /* A peer that takes nothing: what its buffer has no room for is not acknowledged. */
    static char bytes[1 << 16];
    value("TIOCOUTQ, nothing sent", pair[0], TIOCOUTQ);
    set_nonblocking(pair[0], 1);
    while (send(pair[0], bytes, sizeof bytes, MSG_NOSIGNAL) > 0) continue;
    int unsent = -1;
    show("TIOCOUTQ, full", ioctl(pair[0], TIOCOUTQ, &unsent));
    fact("there is some", unsent > 0);
    value("TIOCOUTQ of its peer", pair[1], TIOCOUTQ);
    value("TIOCOUTQ of a listener", listener, TIOCOUTQ);
    value("TIOCOUTQ of a datagram socket", datagrams, TIOCOUTQ);
    value("TIOCOUTQ of a pipe", pipes[1], TIOCOUTQ);

    int urgent[2];
    char byte;
    tcp_pair(AF_INET, urgent);
    must("send", send(urgent[0], "a", 1, MSG_NOSIGNAL));
    must("send", send(urgent[0], "!", 1, MSG_NOSIGNAL | MSG_OOB));
    wait_for(urgent[1], POLLPRI);
    wait_bytes(urgent[1], 1);
    value("SIOCATMARK before the mark", urgent[1], SIOCATMARK);
    must("recv", recv(urgent[1], &byte, 1, 0));
    value("SIOCATMARK at the mark", urgent[1], SIOCATMARK);
    show("sockatmark", sockatmark(urgent[1]));
    value("SIOCATMARK of a datagram socket", datagrams, SIOCATMARK);
    value("SIOCATMARK of a pipe", pipes[0], SIOCATMARK);

    owner("owner", datagrams);
    show("F_SETOWN", fcntl(datagrams, F_SETOWN, getpid()));
    owner("owner", datagrams);
    owner("owner of its dup", (int)must("dup", dup(datagrams)));
    show("F_SETOWN of the group", fcntl(datagrams, F_SETOWN, -getpgrp()));
    owner("owner", datagrams);
    struct f_owner_ex thread = {.type = F_OWNER_TID, .pid = getpid()}, wrong = {.type = 3, .pid = 0};
    show("F_SETOWN_EX of the thread", fcntl(datagrams, F_SETOWN_EX, &thread));
    owner("owner", datagrams);
    show("F_SETOWN_EX of no type", fcntl(datagrams, F_SETOWN_EX, &wrong));
    fact("F_SETOWN of a process that does not exist is ESRCH", fcntl(datagrams, F_SETOWN, INT_MAX) == -1 && errno == ESRCH);
    show("F_SETOWN, the least", fcntl(datagrams, F_SETOWN, INT_MIN));
    int none = 0;
    show("FIOSETOWN 0", ioctl(datagrams, SET_OWNER, &none));
    owner("owner", datagrams);
    show("FIOSETOWN of a pipe", ioctl(pipes[0], SET_OWNER, &none));
    show("F_SETOWN of a pipe", fcntl(pipes[0], F_SETOWN, getpid()));
    owner("owner", pipes[0]);

    async("of a stream", urgent[0]);
    async("of a pipe", pipes[0]);
    async("of an epoll", epoll);

    show("no such request", ioctl(datagrams, NO_SUCH_REQUEST, &none));
    show("of a pipe", ioctl(pipes[0], NO_SUCH_REQUEST, &none));
    show("TIOCGWINSZ", ioctl(datagrams, TIOCGWINSZ, bytes));
    show("no such command", fcntl(datagrams, 99, 0));
    show("FIOASYNC, no pointer", ioctl(datagrams, FIOASYNC, NULL));
    show("FIONREAD, no pointer", ioctl(datagrams, FIONREAD, NULL));
    close(datagrams);
    show("TIOCOUTQ, closed", ioctl(datagrams, TIOCOUTQ, &none));
    show("F_GETOWN, closed", fcntl(datagrams, F_GETOWN));
    show("F_SETOWN, closed", fcntl(datagrams, F_SETOWN, getpid()));
    return 0;
}
