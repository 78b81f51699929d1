/* A stream socket and a datagram socket do not fit together. unix(7): EPROTOTYPE. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int stream = tcp(AF_UNIX), datagram = udp(AF_UNIX);
    must("bind", bind_to(stream, unix_addr("stream")));
    must("listen", listen(stream, 1));
    must("bind", bind_to(datagram, unix_addr("datagram")));
    show("stream connects to a datagram socket", connect_to(tcp(AF_UNIX), unix_addr("datagram")));
    show("datagram connects to a stream socket", connect_to(udp(AF_UNIX), unix_addr("stream")));
    show("datagram sent to a stream socket", send_to(udp(AF_UNIX), "x", 1, unix_addr("stream")));
    show("listen on a datagram socket", listen(datagram, 1));
    show_fd("accept on a datagram socket", accept(datagram, NULL, NULL));
    return 0;
}
