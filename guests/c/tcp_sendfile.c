/* sendfile from a file to a socket: whose position moves, what is refused and in which order, how it goes on where there was no
 * room for all, what SO_SNDTIMEO makes of it, and a peer that is gone. sendfile(2). guests/linux has pipes and files as the other
 * side. */
#include "t.h"

#include <sys/sendfile.h>
#ifndef __wasi__
#include <signal.h>
#endif

#define SIZE 3000000

static int file_with(const char *name, size_t size, int flags) {
    int fd = (int)must("open", open(scratch_path(name), O_RDWR | O_CREAT | O_TRUNC, 0600));
    static unsigned char bytes[SIZE];
    for (size_t i = 0; i < size; i++) bytes[i] = pattern(i);
    for (size_t done = 0; done < size;) done += (size_t)must("write", write(fd, bytes + done, size - done));
    close(fd);
    return (int)must("open", open(scratch_path(name), flags));
}

/* Whether the next bytes of a stream are those of the file from `offset` on. */
static int are_next(int fd, size_t offset, size_t count) {
    static unsigned char buffer[SIZE];
    if (recv_all(fd, buffer, count) != (long)count) return 0;
    for (size_t i = 0; i < count; i++)
        if (buffer[i] != pattern(offset + i)) return 0;
    return 1;
}

static void positions(int in, int pair[2]) {
    must("lseek", lseek(in, 0, SEEK_SET));
    show("sendfile", sendfile(pair[0], in, NULL, 1000));
    show("the position has moved", (long)lseek(in, 0, SEEK_CUR));
    off_t offset = 5;
    show("from an offset", sendfile(pair[0], in, &offset, 1000));
    show("it has moved", (long)offset);
    show("and the position has not", (long)lseek(in, 0, SEEK_CUR));
    fact("the first bytes", are_next(pair[1], 0, 1000));
    fact("those from the offset on", are_next(pair[1], 5, 1000));
    offset = SIZE - 10;
    show("the end is near", sendfile(pair[0], in, &offset, 1000));
    show("at the end", sendfile(pair[0], in, &offset, 1000));
    offset = SIZE + 10;
    show("beyond the end", sendfile(pair[0], in, &offset, 1000));
    show("the offset", (long)offset);
    show("no bytes", sendfile(pair[0], in, NULL, 0));
    fact("the last bytes", are_next(pair[1], SIZE - 10, 10));
    must("lseek", lseek(in, SIZE - 7, SEEK_SET));
    show("from the position to the end", sendfile(pair[0], in, NULL, 1000));
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    fact("the last bytes", are_next(pair[1], SIZE - 7, 7));
}

static void refusals(int in, int pair[2]) {
    must("lseek", lseek(in, 3, SEEK_SET));
    off_t offset = -1;
    show("an offset of -1", sendfile(pair[0], in, &offset, 10));
    offset = -2;
    show("of -2, and nothing to write to", sendfile(9999, in, &offset, 10));
    offset = INT64_MAX - 5;
    show("an end beyond all numbers", sendfile(pair[0], in, &offset, 100));
    show("the offset", offset == INT64_MAX - 5 ? 0 : 1);
    offset = 0;
    show("no file to read from", sendfile(pair[0], 9999, NULL, 10));
    show("nothing to write to", sendfile(9999, in, NULL, 10));
    show("from a socket", sendfile(pair[0], pair[1], NULL, 10));
    show("from a socket with an offset", sendfile(pair[0], pair[1], &offset, 10));
    int directory = (int)must("open", open(t_scratch, O_RDONLY | O_DIRECTORY));
    show("from a directory", sendfile(pair[0], directory, NULL, 10));
    close(directory);
    int written = file_with("written", 10, O_WRONLY);
    show("from a file that is only written", sendfile(pair[0], written, NULL, 10));
    show("and nothing to write to", sendfile(9999, written, NULL, 10));
    close(written);
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    int gone = tcp(AF_INET);
    show("to a socket without a peer", sendfile(gone, in, NULL, 10));
    show("nothing to it", sendfile(gone, in, NULL, 0));
    close(gone);
    int listener = tcp_listener(AF_INET);
    show("to a listener", sendfile(listener, in, NULL, 10));
    close(listener);
    show("the position", (long)lseek(in, 0, SEEK_CUR));
}

/* A socket that takes a part at a time: every byte comes once. */
static void in_parts(int in, int pair[2]) {
    int calls = 0, wrong = 0;
    set_nonblocking(pair[0], 1);
    set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 65536);
    set_int(pair[1], SOL_SOCKET, SO_RCVBUF, 65536);
    must("lseek", lseek(in, 0, SEEK_SET));
    size_t received = 0;
    static unsigned char buffer[65536];
    for (int round = 0; round < 100000 && received < SIZE; round++) {
        ssize_t sent = sendfile(pair[0], in, NULL, SIZE);
        if (sent > 0) calls++;
        if (sent < 0 && errno != EAGAIN) show("sendfile", sent);
        ssize_t count = recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT);
        for (ssize_t i = 0; i < count; i++) wrong |= buffer[i] != pattern(received + (size_t)i);
        if (count > 0) received += (size_t)count;
        if (count < 0) wait_readable(pair[1]);
    }
    fact("it took more than one call", calls > 1);
    show("received", (long)received);
    fact("a byte was lost, doubled or moved", wrong);
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    set_nonblocking(pair[0], 0);
}

/* A blocking call with a time limit reports what it has sent, and then that there is no room. */
static void time_limit(int in, int pair[2]) {
    struct timeval limit = {.tv_sec = 0, .tv_usec = 50000};
    must("SO_SNDTIMEO", setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    off_t offset = 0;
    ssize_t sent;
    size_t total = 0;
    int parts = 0;
    while ((sent = sendfile(pair[0], in, &offset, SIZE)) > 0) {
        parts += sent < SIZE;
        total += (size_t)sent;
        if (offset == SIZE) offset = 0;
    }
    show("when it is full", sent);
    fact("it had sent a part before", parts > 0);
    static unsigned char buffer[65536];
    for (size_t left = total; left > 0;)
        left -= (size_t)must("recv", recv(pair[1], buffer, left < sizeof buffer ? left : sizeof buffer, 0));
}

static void peer_is_gone(int in) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    must("shutdown", shutdown(pair[0], SHUT_WR));
    must("lseek", lseek(in, 3, SEEK_SET));
    show("after shutdown", sendfile(pair[0], in, NULL, 10));
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    close(pair[0]);
    close(pair[1]);
    tcp_pair(AF_INET, pair);
    close_with_reset(pair[1]);
    wait_all(pair[0], POLLIN, POLLHUP);
    show("after a reset", sendfile(pair[0], in, NULL, 10));
    show("again", sendfile(pair[0], in, NULL, 10));
    close(pair[0]);
}

static void other_sockets(int in) {
    int pair[2];
    off_t offset = 0;
    unsigned char buffer[16];
    tcp_pair(AF_INET6, pair);
    show("over IPv6", sendfile(pair[0], in, &offset, 1000));
    fact("they came", are_next(pair[1], 0, 1000));
    close(pair[0]);
    close(pair[1]);
    udp_pair(AF_INET, pair);
    offset = 7;
    show("as a datagram", sendfile(pair[0], in, &offset, 10));
    show("the offset", (long)offset);
    wait_readable(pair[1]);
    long count = show("received", recv(pair[1], buffer, sizeof buffer, 0));
    fact("these bytes", count == 10 && buffer[0] == pattern(7) && buffer[9] == pattern(16));
    close(pair[0]);
    close(pair[1]);
}

int main(int argc, char **argv) {
    int pair[2];
    scratch(argc, argv);
#ifndef __wasi__
    signal(SIGPIPE, SIG_IGN);
#endif
    int in = file_with("in", SIZE, O_RDONLY);
    tcp_pair(AF_INET, pair);
    positions(in, pair);
    refusals(in, pair);
    in_parts(in, pair);
    time_limit(in, pair);
    close(pair[0]);
    close(pair[1]);
    peer_is_gone(in);
    other_sockets(in);
    close(in);
    return 0;
}
