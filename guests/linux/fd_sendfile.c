/* sendfile: from a file to a socket, a pipe and a file; whose position moves, what is refused, and how it goes on where there was no
 * room for all. sendfile(2). */
#include "../c/t.h"

#include <signal.h>
#include <sys/sendfile.h>

#define SIZE 300000

static int file_with(const char *name, size_t size) {
    int fd = (int)must("open", open(scratch_path(name), O_RDWR | O_CREAT | O_TRUNC, 0600));
    static unsigned char bytes[SIZE];
    for (size_t i = 0; i < size; i++) bytes[i] = pattern(i);
    must("write", write(fd, bytes, size));
    must("lseek", lseek(fd, 0, SEEK_SET));
    return fd;
}

/* Whether the next bytes of a stream are those of the file from `offset` on. */
static int are_next(int fd, size_t offset, size_t count) {
    static unsigned char buffer[SIZE];
    if (recv_all(fd, buffer, count) != (long)count) return 0;
    for (size_t i = 0; i < count; i++)
        if (buffer[i] != pattern(offset + i)) return 0;
    return 1;
}

static void positions(int in) {
    int pair[2];
    tcp_pair(AF_INET, pair);
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
    show("the offset", (long)offset);
    show("at the end", sendfile(pair[0], in, &offset, 1000));
    offset = SIZE + 10;
    show("beyond the end", sendfile(pair[0], in, &offset, 1000));
    show("the offset", (long)offset);
    show("no bytes", sendfile(pair[0], in, NULL, 0));
    fact("the last bytes", are_next(pair[1], SIZE - 10, 10));
    offset = 0;
    show("all of it, and more were wanted", sendfile(pair[0], in, &offset, (size_t)SIZE / 3));
    fact("they came", are_next(pair[1], 0, SIZE / 3));
    close(pair[0]);
    close(pair[1]);
}

static void refusals(int in) {
    int pair[2], ends[2];
    off_t offset = -1;
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    must("pipe", pipe(ends));
    show("a negative offset", sendfile(pair[0], in, &offset, 10));
    offset = 0;
    show("no file to read from", sendfile(pair[0], 9999, NULL, 10));
    show("nothing to write to", sendfile(9999, in, NULL, 10));
    show("from a socket", sendfile(pair[0], pair[1], NULL, 10));
    show("from a pipe", sendfile(pair[0], ends[0], NULL, 10));
    show("from a pipe with an offset", sendfile(pair[0], ends[0], &offset, 10));
    show("from the end of a pipe that is written to", sendfile(pair[0], ends[1], NULL, 10));
    show("to the end of a pipe that is read from", sendfile(ends[0], in, NULL, 10));
    int directory = (int)must("open", open(t_scratch, O_RDONLY | O_DIRECTORY));
    show("from a directory", sendfile(pair[0], directory, NULL, 10));
    close(directory);
    int written = (int)must("open", open(scratch_path("written"), O_WRONLY | O_CREAT, 0600));
    show("from a file that is only written", sendfile(pair[0], written, NULL, 10));
    int appended = (int)must("open", open(scratch_path("written"), O_WRONLY | O_APPEND));
    show("to a file that is appended to", sendfile(appended, in, NULL, 10));
    int read_only = (int)must("open", open(scratch_path("written"), O_RDONLY));
    show("to a file that is only read", sendfile(read_only, in, NULL, 10));
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    int gone = tcp(AF_INET);
    show("to a socket without a peer", sendfile(gone, in, NULL, 10));
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    close(gone);
    close(read_only);
    close(appended);
    close(written);
    close(ends[0]);
    close(ends[1]);
    close(pair[0]);
    close(pair[1]);
}

static void to_file_and_pipe(int in) {
    int ends[2];
    off_t offset = 7;
    unsigned char buffer[16];
    must("pipe", pipe(ends));
    show("to a pipe", sendfile(ends[1], in, &offset, 5));
    int count = (int)show("read", read(ends[0], buffer, sizeof buffer));
    fact("these bytes", count == 5 && buffer[0] == pattern(7) && buffer[4] == pattern(11));
    int out = file_with("out", 4);
    must("lseek", lseek(out, 2, SEEK_SET));
    show("to a file", sendfile(out, in, &offset, 6));
    show("its position", (long)lseek(out, 0, SEEK_CUR));
    show("read", pread(out, buffer, sizeof buffer, 0));
    fact("after what was there", buffer[1] == pattern(1) && buffer[2] == pattern(12) && buffer[7] == pattern(17));
    close(out);
    close(ends[0]);
    close(ends[1]);
}

/* A socket that takes a part at a time: every byte comes once. */
static void in_parts(int in) {
    int pair[2], again = 0, wrong = 0;
    tcp_pair(AF_INET, pair);
    set_nonblocking(pair[0], 1);
    set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 4096);
    set_int(pair[1], SOL_SOCKET, SO_RCVBUF, 4096);
    must("lseek", lseek(in, 0, SEEK_SET));
    size_t received = 0;
    static unsigned char buffer[SIZE];
    for (int round = 0; round < 100000 && received < SIZE; round++) {
        ssize_t sent = sendfile(pair[0], in, NULL, SIZE);
        if (sent < 0 && errno == EAGAIN) again = 1;
        if (sent < 0 && errno != EAGAIN) show("sendfile", sent);
        ssize_t count = recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT);
        for (ssize_t i = 0; i < count; i++) wrong |= buffer[i] != pattern(received + (size_t)i);
        if (count > 0) received += (size_t)count;
        if (count < 0) wait_readable(pair[1]);
    }
    fact("it was full in between", again);
    show("received", (long)received);
    fact("a byte was lost, doubled or moved", wrong);
    show("the position", (long)lseek(in, 0, SEEK_CUR));
    close(pair[1]);
    close(pair[0]);
}

int main(int argc, char **argv) {
    scratch(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    int in = file_with("in", SIZE);
    positions(in);
    refusals(in);
    to_file_and_pipe(in);
    in_parts(in);
    close(in);
    return 0;
}
