/* UNIX socket paths relative to the working directory, which only wasi-libc knows. */
#ifndef GUESTNET_UNIX_PATH_H
#define GUESTNET_UNIX_PATH_H

#include <stddef.h>

#define GN_PATH_ROOM 126 /* what the host's form of an address holds, with the NUL */

/* Writes the path that the host is to use; gives 0, ENAMETOOLONG or another errno. */
int __gn_path_for_host(const char *path, size_t len, char host[GN_PATH_ROOM]);

/* After a bind: keeps in mind under which name the path was given, for getsockname. */
void __gn_path_bound(const char *path, size_t len, const char *host);

/* The name under which a program bound `host`; `host` itself when it was not relative. */
const char *__gn_path_given(const char *host);

#endif
