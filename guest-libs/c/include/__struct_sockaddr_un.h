/* struct sockaddr_un with its path, 110 bytes as on Linux; wasi-libc's has none. Replaces wasi-libc's file of this
 * name. */
#ifndef __wasilibc___struct_sockaddr_un_h
#define __wasilibc___struct_sockaddr_un_h

#include <__typedef_sa_family_t.h>

struct sockaddr_un {
    sa_family_t sun_family;
    char sun_path[108];
};

#endif
