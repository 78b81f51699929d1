/* dup and dup2 of sockets: two numbers of one open socket, which lives until the last is closed. dup(2). */
#include "../c/t.h"

int main(void) {
    int pair[2];
    char buffer[8];
    tcp_pair(AF_INET, pair);
    int copy = show_fd("dup", dup(pair[1]));
    set_nonblocking(pair[1], 1);
    fact("O_NONBLOCK is shared", (fcntl(copy, F_GETFL) & O_NONBLOCK) != 0);
    show("recv", recv(copy, buffer, sizeof buffer, 0));
    close(pair[1]);
    show("send", send(copy, "lives", 5, MSG_NOSIGNAL));
    wait_readable(pair[0]);
    show_data("recv", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    int other = udp_bound(AF_INET);
    show("dup2 over another", dup2(copy, other) == other);
    fact("it is the connection", same_addr(local_addr(other), local_addr(copy)));
    show("dup2 onto itself", dup2(other, other) == other);
    show("dup2 of a bad descriptor", dup2(9999, other));
    fact("the target is as it was", same_addr(local_addr(other), local_addr(copy)));
    close(copy);
    close(other);
    wait_readable(pair[0]);
    show("the end", recv(pair[0], buffer, sizeof buffer, 0));
    int least = fcntl(pair[0], F_DUPFD, 40);
    fact("F_DUPFD gives 40 or more", least >= 40);
    fact("it is the socket", same_addr(local_addr(least), local_addr(pair[0])));
    return 0;
}
