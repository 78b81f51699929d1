/* getpeername through a connection's life: known after the peer's end, gone after both ends. getpeername(2): ENOTCONN.
 */
#include "t.h"

static void show_peer(const char *when, int fd) {
    struct addr a;
    memset(&a, 0, sizeof a);
    a.len = sizeof a.storage;
    if (getpeername(fd, &a.sa, &a.len) < 0)
        show(when, -1);
    else
        show_addr(when, a);
}

int main(void) {
    int listener = tcp_listener(AF_INET);
    int fd = tcp(AF_INET);
    show_peer("fresh", fd);
    must("bind", bind_to(fd, loopback(AF_INET, 0)));
    show_peer("bound", fd);
    must("connect", connect_to(fd, local_addr(listener)));
    show_peer("connected", fd);
    int accepted = accept_one(listener);
    show_peer("accepted", accepted);
    show_peer("listener", listener);
    must("shutdown", shutdown(accepted, SHUT_WR));
    char byte;
    must("recv", recv(fd, &byte, 1, 0));
    show_peer("after the peer's SHUT_WR", fd);
    close(accepted);
    must("shutdown", shutdown(fd, SHUT_WR));
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    for (long end = now_ms() + T_TIMEOUT_MS; getpeername(fd, (struct sockaddr *)&name, &len) == 0 && now_ms() < end;)
        poll(NULL, 0, 1); /* until the last segment is acknowledged */
    show_peer("after both ends", fd);
    return 0;
}
