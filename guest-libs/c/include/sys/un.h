/* sys/un.h for wasip1: UNIX socket addresses with a path. */
#ifndef _SYS_UN_H
#define _SYS_UN_H
#pragma GCC system_header

#include <features.h>

#define __NEED_sa_family_t
#define __NEED_size_t
#include <bits/alltypes.h>

#include <__struct_sockaddr_un.h>

#if defined(_GNU_SOURCE) || defined(_BSD_SOURCE)
#define SUN_LEN(s) (sizeof(sa_family_t) + __builtin_strlen((s)->sun_path))
#endif

#endif
