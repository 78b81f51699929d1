/* File calls that mean nothing on a socket. fsync(2), ftruncate(2): EINVAL. */
#include "t.h"

int main(void) {
    int fd = tcp(AF_INET);
    show("fsync", fsync(fd));
    show("fdatasync", fdatasync(fd));
    show("ftruncate", ftruncate(fd, 0));
    return 0;
}
