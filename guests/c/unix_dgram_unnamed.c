/* A datagram from a socket that did not bind has no sender's name to answer to. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("server");
    int server = udp(AF_UNIX), client = udp(AF_UNIX);
    must("bind", bind_to(server, a));
    char buffer[8];
    show("sendto", send_to(client, "who", 3, a));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("recvfrom", recvfrom(server, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show_addr("from", from);
    show_addr("client getsockname", local_addr(client));
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    show("client getpeername", getpeername(client, (struct sockaddr *)&name, &len));
    return 0;
}
