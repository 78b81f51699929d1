/* Options that are facts of the socket. The host is asked what the socket is; nothing is remembered. */
#include <errno.h>
#include <netinet/in.h>

#include "option.h"

int __gn_fact(int fd, int name, int *value) {
    struct gn_socket socket;
    int error = __gn_socket_of(fd, &socket);
    if (error != 0) return error;
    switch (name) {
        case SO_TYPE:
            *value = socket.type;
            return 0;
        case SO_DOMAIN:
            *value = socket.family;
            return 0;
        case SO_PROTOCOL:
            *value = socket.type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
            if (socket.family == AF_UNIX) *value = 0;
            return 0;
        case SO_SNDLOWAT: /* Linux's constant */
            *value = 1;
            return 0;
        default:
            return ENOPROTOOPT;
    }
}
