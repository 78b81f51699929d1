/* struct sockaddr_storage: 128 bytes, enough for every address of the overlay. wasi-libc's is 48, too small for a
 * UNIX path. Replaces wasi-libc's file of this name. */
#ifndef __wasilibc___struct_sockaddr_storage_h
#define __wasilibc___struct_sockaddr_storage_h

#include <__typedef_sa_family_t.h>

struct sockaddr_storage {
    sa_family_t ss_family;
    char __ss_padding[128 - sizeof(long long) - sizeof(sa_family_t)];
    unsigned long long __ss_align;
};

#endif
