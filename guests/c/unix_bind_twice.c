/* A UNIX socket is bound once. bind(2): EINVAL. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int fd = tcp(AF_UNIX);
    show("bind", bind_to(fd, unix_addr("first")));
    show("bind again", bind_to(fd, unix_addr("second")));
    show_addr("getsockname", local_addr(fd));
    struct stat status;
    show("stat of the second", stat(scratch_path("second"), &status));
    return 0;
}
