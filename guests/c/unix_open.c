/* A socket file cannot be opened as a file. open(2): ENXIO. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int fd = tcp(AF_UNIX);
    must("bind", bind_to(fd, unix_addr("socket")));
    show_fd("open for reading", open(scratch_path("socket"), O_RDONLY));
    show_fd("open for both", open(scratch_path("socket"), O_RDWR));
    return 0;
}
