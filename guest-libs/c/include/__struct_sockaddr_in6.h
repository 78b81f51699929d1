/* struct sockaddr_in6 as Linux lays it out, 28 bytes; wasi-libc's is padded to 32. Replaces wasi-libc's file of this
 * name. */
#ifndef __wasilibc___struct_sockaddr_in6_h
#define __wasilibc___struct_sockaddr_in6_h

#include <__struct_in6_addr.h>
#include <__typedef_in_port_t.h>
#include <__typedef_sa_family_t.h>

struct sockaddr_in6 {
    sa_family_t sin6_family;
    in_port_t sin6_port; /* network order */
    unsigned sin6_flowinfo;
    struct in6_addr sin6_addr;
    unsigned sin6_scope_id;
};

#endif
