/* A non-blocking connect that succeeds: EINPROGRESS, writable, SO_ERROR 0, peer known. connect(2). */
#include "t.h"

int main(void) {
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        int listener = tcp_listener(family);
        int fd = tcp(family);
        set_nonblocking(fd, 1);
        show("connect", connect_to(fd, local_addr(listener)));
        show_revents("poll", wait_for(fd, POLLOUT));
        show_so_error(fd);
        show_addr("getpeername", peer_addr(fd));
        fact("the peer is the listener", same_addr(peer_addr(fd), local_addr(listener)));
        int accepted = accept_one(listener);
        fact("the other end is this socket", same_addr(peer_addr(accepted), local_addr(fd)));
        show("send", send(fd, "hi", 2, MSG_NOSIGNAL));
        char buffer[8];
        show_data("recv", recv(accepted, buffer, sizeof buffer, 0), buffer);
        close(fd);
        close(accepted);
        close(listener);
    }
    return 0;
}
