/* connect sets a UDP socket's peer: send and recv work, and getpeername knows it. connect(2). */
#include "t.h"

int main(void) {
    int client = udp(AF_INET), server = udp_bound(AF_INET);
    char buffer[8];
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    show("getpeername before", getpeername(client, (struct sockaddr *)&name, &len));
    show("connect", connect_to(client, local_addr(server)));
    show_addr("getpeername", peer_addr(client));
    show_addr("getsockname", local_addr(client));
    show("send", send(client, "one", 3, 0));
    show("write", write(client, "two", 3));
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    show("server sendto", send_to(server, "back", 4, local_addr(client)));
    show_data("read", read(client, buffer, sizeof buffer), buffer);
    return 0;
}
