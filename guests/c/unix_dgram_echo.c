/* UNIX datagrams between two bound sockets: boundaries and the sender's path. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr server_name = unix_addr("server"), client_name = unix_addr("client");
    int server = udp(AF_UNIX), client = udp(AF_UNIX);
    show("server bind", bind_to(server, server_name));
    show("client bind", bind_to(client, client_name));
    char buffer[16];
    show("sendto", send_to(client, "one", 3, server_name));
    show("sendto", send_to(client, "three", 5, server_name));
    struct addr from;
    memset(&from, 0, sizeof from);
    from.len = sizeof from.storage;
    show_data("server recvfrom", recvfrom(server, buffer, sizeof buffer, 0, &from.sa, &from.len), buffer);
    show_addr("from", from);
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    show("server sendto", send_to(server, "answer", 6, from));
    show_data("recv", recv(client, buffer, sizeof buffer, 0), buffer);
    show("connect", connect_to(client, server_name));
    show("send", send(client, "connected", 9, MSG_NOSIGNAL));
    show_data("server recv", recv(server, buffer, sizeof buffer, 0), buffer);
    show_addr("getpeername", peer_addr(client));
    show("recv nothing", recv(server, buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
