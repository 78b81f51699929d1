/* What a descriptor is, and how a call fails. */
#ifndef GUESTNET_FD_H
#define GUESTNET_FD_H

#include <stdbool.h>

struct gn_socket {
    int family; /* AF_* */
    int type;   /* SOCK_* */
};

/* Sets errno when the host's answer is not 0; gives 0 or -1. */
int __gn_result(int error);

/* The failure of a call whose arguments are wrong: EBADF or ENOTSOCK when the descriptor is no socket, else `error`,
 * because Linux looks at the descriptor first. Gives -1. */
int __gn_refuse(int fd, int error);

/* The family and type of a socket; gives a WASI errno: EBADF, ENOTSOCK, or what the host says. */
int __gn_socket_of(int fd, struct gn_socket *);

/* Switches O_NONBLOCK; gives a WASI errno. */
int __gn_set_nonblocking(int fd, bool on);

/* FD_CLOEXEC of a descriptor: kept for F_GETFD only, there is no exec. */
void __gn_set_cloexec(int fd, bool on);
bool __gn_cloexec(int fd);

#endif
