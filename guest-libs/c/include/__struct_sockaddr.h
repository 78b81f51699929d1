/* struct sockaddr as Linux lays it out. wasi-libc's has no room in sa_data. Replaces wasi-libc's file of this name. */
#ifndef __wasilibc___struct_sockaddr_h
#define __wasilibc___struct_sockaddr_h

#include <__typedef_sa_family_t.h>

struct sockaddr {
    sa_family_t sa_family;
    char sa_data[14];
};

#endif
