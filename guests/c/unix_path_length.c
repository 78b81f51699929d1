/* An address longer than sockaddr_un is EINVAL; one with only the family is no path. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("path");
    a.len = sizeof a.un + 1;
    show("bind, one byte more", bind_to(tcp(AF_UNIX), a));
    show("connect, one byte more", connect_to(tcp(AF_UNIX), a));
    show("sendto, one byte more", send_to(udp(AF_UNIX), "x", 1, a));
    a.len = sizeof(sa_family_t);
    show("connect, family only", connect_to(tcp(AF_UNIX), a));
    a.len = 1;
    show("bind, one byte", bind_to(tcp(AF_UNIX), a));
    a = unix_addr("path");
    a.len = sizeof a.un;
    show("bind, the whole structure", bind_to(tcp(AF_UNIX), a));
    struct stat status;
    show("stat", stat(a.un.sun_path, &status));
    return 0;
}
