/* sys/sendfile.h for wasip1: sendfile(2), which wasi-libc lacks. */
#ifndef _SYS_SENDFILE_H
#define _SYS_SENDFILE_H
#pragma GCC system_header

#define __NEED_size_t
#define __NEED_ssize_t
#define __NEED_off_t
#include <bits/alltypes.h>

#ifdef __cplusplus
extern "C" {
#endif

ssize_t sendfile(int, int, off_t *, size_t);

#define sendfile64 sendfile

#ifdef __cplusplus
}
#endif

#endif
