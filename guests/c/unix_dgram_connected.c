/* A connected UNIX datagram socket takes datagrams from its peer only: others get EPERM; a peer that is gone is
 * ECONNREFUSED or ECONNRESET. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int server = udp(AF_UNIX), client = udp(AF_UNIX), stranger = udp(AF_UNIX);
    must("bind", bind_to(server, unix_addr("server")));
    must("bind", bind_to(client, unix_addr("client")));
    show("server connect", connect_to(server, unix_addr("client")));
    show("a stranger's sendto", send_to(stranger, "x", 1, unix_addr("server")));
    show("client connect", connect_to(client, unix_addr("server")));
    show("client send", send(client, "mine", 4, MSG_NOSIGNAL));
    char buffer[8];
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    show("sendto on a connected socket", send_to(client, "named", 5, unix_addr("server")));
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    show("connect AF_UNSPEC", connect_to(server, unspec()));
    show("a stranger's sendto", send_to(stranger, "now", 3, unix_addr("server")));
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    close(server);
    show("send to a closed peer", send(client, "x", 1, MSG_NOSIGNAL));
    show("send again", send(client, "x", 1, MSG_NOSIGNAL));
    return 0;
}
