/* A full datagram queue makes the sender wait: EAGAIN when it may not; nothing is dropped. unix(7). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int server = udp(AF_UNIX), client = udp(AF_UNIX);
    must("bind", bind_to(server, unix_addr("server")));
    must("connect", connect_to(client, unix_addr("server")));
    set_nonblocking(client, 1);
    int sent = 0;
    ssize_t n;
    while ((n = send(client, &sent, sizeof sent, MSG_NOSIGNAL)) == sizeof sent) sent++;
    show("send to a full queue", n);
    fact("some went in", sent > 0);
    show_revents("sender", revents_now(client, POLLOUT, 0));
    int received = 0, ordered = 1, number;
    while (recv(server, &number, sizeof number, MSG_DONTWAIT) == sizeof number)
        ordered = ordered && number == received++;
    fact("all arrived", received == sent);
    fact("in order", ordered);
    show_revents("sender", wait_writable(client));
    return 0;
}
