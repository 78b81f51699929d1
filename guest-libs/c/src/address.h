/* Socket addresses between POSIX's structures and the host's bytes. */
#ifndef GUESTNET_ADDRESS_H
#define GUESTNET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "abi.h"

#define GN_NAME_BYTES 128
#define SIN6_LEN_RFC2133 24 /* a sockaddr_in6 without its scope, which Linux takes as well */

/* An address as the host reads or writes it. Not to be copied: `address` points into it. */
struct gn_name {
    struct gn_address address;
    uint32_t port;
    uint8_t bytes[GN_NAME_BYTES];
};

/* Readies a name for the host to write into. */
void __gn_name_out(struct gn_name *);

/* The family that the host wrote, 0 for none. */
int __gn_name_family(const struct gn_name *);

/* Turns a POSIX address, whose family and length have been checked, into the host's form; gives an errno:
 * EAFNOSUPPORT for a family that has no form, EOPNOTSUPP for a UNIX address without a path. */
int __gn_name_from(struct gn_name *, const struct sockaddr *, socklen_t);

/* Turns a name that the host wrote into a POSIX address; gives its length, 0 when there is none. */
socklen_t __gn_name_to(const struct gn_name *, struct sockaddr_storage *);

/* Hands an address out as the kernel does: cut to the room there is, the full length stored. Gives 0 or an errno. */
int __gn_copy_out(const struct sockaddr_storage *, socklen_t full, struct sockaddr *to, socklen_t *len);

/* An IP address of exactly its family's size. Whether it suits the socket can be left to the host and the kernel. */
bool __gn_is_whole(const struct sockaddr *, socklen_t);

/* Checks length and family of an address argument of bind or connect in the kernel's order for this kind of socket.
 * Gives 0 or an errno. */
int __gn_check_address(int socket_family, const struct sockaddr *, socklen_t);

#endif
