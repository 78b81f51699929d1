/* A blocking connect to a port where nothing listens. connect(2): ECONNREFUSED; POSIX connect. */
#include "t.h"

int main(void) {
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        int fd = tcp(family);
        show(i ? "connect v6" : "connect v4", connect_to(fd, refusing_addr(family)));
        show_so_error(fd);
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        show("getpeername", getpeername(fd, (struct sockaddr *)&peer, &len));
        close(fd);
    }
    return 0;
}
