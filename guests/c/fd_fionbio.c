/* FIONBIO is O_NONBLOCK by ioctl. ioctl(2). */
#include "t.h"

int main(void) {
    int fd = udp_bound(AF_INET), on = 1, off = 0;
    char byte;
    show("FIONBIO 1", ioctl(fd, FIONBIO, &on));
    fact("O_NONBLOCK", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    show("recv", recv(fd, &byte, 1, 0));
    show("FIONBIO 0", ioctl(fd, FIONBIO, &off));
    fact("O_NONBLOCK", fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    must("sendto", send_to(fd, "x", 1, local_addr(fd)));
    show("blocking recv", recv(fd, &byte, 1, 0));
    return 0;
}
