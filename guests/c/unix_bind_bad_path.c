/* Paths that cannot be bound: in a directory that is not there, below a file. bind(2): ENOENT, ENOTDIR. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int fd = tcp(AF_UNIX);
    show("no such directory", bind_to(fd, unix_addr("missing/socket")));
    close((int)must("open", open(scratch_path("file"), O_RDWR | O_CREAT, 0600)));
    show("below a file", bind_to(fd, unix_addr("file/socket")));
    show_addr("getsockname", local_addr(fd));
    must("mkdir", mkdir(scratch_path("directory"), 0700));
    show("below a directory", bind_to(fd, unix_addr("directory/socket")));
    show("a directory", bind_to(tcp(AF_UNIX), unix_addr("directory")));
    return 0;
}
