/* A relative path is taken from the working directory. unix(7), path_resolution(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    must("chdir", chdir(t_scratch));
    struct addr a;
    memset(&a, 0, sizeof a);
    a.un.sun_family = AF_UNIX;
    strcpy(a.un.sun_path, "relative");
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof "relative");
    int listener = tcp(AF_UNIX);
    show("bind", bind_to(listener, a));
    must("listen", listen(listener, 4));
    show("connect", connect_to(tcp(AF_UNIX), a));
    show("connect by the whole path", connect_to(tcp(AF_UNIX), unix_addr("relative")));
    int datagram = udp(AF_UNIX);
    strcpy(a.un.sun_path, "datagram");
    show("bind a datagram socket", bind_to(datagram, a));
    show("sendto", send_to(udp(AF_UNIX), "x", 1, a));
    char byte;
    show_data("recv", recv(datagram, &byte, 1, 0), &byte);
    return 0;
}
