/* A path need not end in NUL: the address's length says where it ends. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("nameXXX");
    a.len -= 4; /* without the NUL and the X's */
    int fd = tcp(AF_UNIX);
    show("bind", bind_to(fd, a));
    struct stat status;
    show("stat of the short name", stat(scratch_path("name"), &status));
    show_addr("getsockname", local_addr(fd));
    must("listen", listen(fd, 1));
    show("connect by the terminated name", connect_to(tcp(AF_UNIX), unix_addr("name")));
    return 0;
}
