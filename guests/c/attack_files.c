/* attack_files: files, directories and sockets under one another's numbers. Descriptors 3 and 4 are two pre-opened
 * directories, each with a file "file" that holds the directory's name. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

static unsigned char buf[256];
static u got;

static u open_in(u dir, const char *name, u *fd) {
    return p1_open(dir, 0, P(name), (u)strlen(name), 0, 2 | 64 | 16384, 0, 0, P(fd));
}

static void read_it(const char *what, u fd) {
    memset(buf, 0, sizeof buf);
    u error = p1_read(fd, header(P(buf), 100), 1, P(&got));
    printf("%s: %s \"%s\"\n", what, named(error), error == 0 ? (char *)buf : "");
}

static void prestat(const char *what, u fd) {
    u stat[2] = {99, 99}, error = p1_prestat(fd, P(stat));
    memset(buf, 0, sizeof buf);
    printf("%s: %s", what, named(error));
    if (error == 0) printf(", tag %lu, %s", (unsigned long)(stat[0] & 0xff), named(p1_prestat_name(fd, P(buf), stat[1])));
    printf(" \"%s\"\n", error == 0 ? (char *)buf : "");
}

int main(void) {
    u file = 0, other = 0, fd = 0;
    /* wasmtime-wasi numbers its own table as we number ours: none of its numbers means anything here. */
    report("open", open_in(3, "file", &file));
    printf("the lowest number: %s\n", file == 5 ? "yes" : "no");
    u stream = opened(0, WE_STREAM), datagram = opened(0, WE_DGRAM);
    report("open", open_in(4, "file", &other));
    for (u number = 0; number < 12; number++) {
        if (number >= 3 && number <= 4) continue;
        u error = open_in(number, "file", &fd);
        printf("path_open in %lu: %s\n", (unsigned long)number, named(error));
    }
    report("path_open in -1", open_in(0xffffffffu, "file", &fd));
    report("path_open of an absolute path", open_in(3, "/etc/passwd", &fd));
    report("path_open out of the directory", open_in(3, "../two/file", &fd));
    report("path_open through a file", open_in(3, "file/x", &fd));
    report("path_open with the result beyond the end", p1_open(3, 0, P("file"), 4, 0, 2, 0, 0, 0xfffffffcu));
    report("a path beyond the end", p1_open(3, 0, 0xfffffff0u, 100, 0, 2, 0, 0, P(&fd)));
    /* The result may lie over the path. */
    char name[8] = "file";
    report("the result over the path", p1_open(3, 0, P(name), 4, 0, 2 | 64, 0, 0, P(name)));
    memcpy(&fd, name, 4);
    read_it("it reads", fd);
    report("close", p1_close(fd));

    /* A file over a socket: the socket is gone, and its number is the file. */
    report("a file over a socket", p1_renumber(file, stream));
    read_it("the number reads", stream);
    report("listen on it", we_listen(stream, 1));
    report("the old number", p1_fdstat(file, P(buf)));
    p1_set_flags(datagram, 4);
    report("a socket over a file", p1_renumber(datagram, stream));
    read_it("the number reads", stream);
    report("seek", p1_pread(stream, header(P(buf), 4), 1, 0, P(&got)));
    report("bind", we_bind(stream, header(P("\x7f\0\0\1"), 4), 0));
    report("close", p1_close(stream));
    read_it("the other file", other);

    /* Directories under other numbers keep what they are. */
    prestat("3", 3);
    prestat("4", 4);
    report("4 over 3", p1_renumber(4, 3));
    prestat("3", 3);
    prestat("4", 4);
    report("open in 3", open_in(3, "file", &fd));
    read_it("it reads", fd);
    report("open in 4", open_in(4, "file", &file));
    p1_close(fd);
    report("a directory over standard input", p1_renumber(3, 0));
    prestat("0", 0);
    report("open in 0", open_in(0, "file", &fd));
    printf("the lowest number: %s\n", fd == 3 ? "yes" : "no");
    read_it("it reads", fd);
    report("close the directory", p1_close(0));
    report("open in 0", open_in(0, "file", &file));
    report("open in 3, a file", open_in(3, "file", &file));
    report("close", wamr_close(fd));
    report("close again", p1_close(fd));
    read_it("read the closed one", fd);
    /* A socket takes the number; calls for files say what it is. */
    while ((fd = opened(0, WE_DGRAM)) < 4) continue;
    report("a file's call on a socket", p1_readdir(3, P(buf), 10, 0, P(&got)));
    return 0;
}

#endif
