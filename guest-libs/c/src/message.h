/* One send or receive, as all functions of send.c and recv.c boil down to. */
#ifndef GUESTNET_MESSAGE_H
#define GUESTNET_MESSAGE_H

#include <sys/socket.h>

#define GN_IOV_MAX 1024 /* Linux's UIO_MAXIOV: more is EMSGSIZE */

/* msg_namelen as Linux reads it: without a name 0, a negative one is refused. Gives 0 or an errno. */
int __gn_check_message(const struct msghdr *);

#endif
