/* unistd.h for wasip1: wasi-libc's, with pipe(2). */
#pragma GCC system_header
#include_next <unistd.h>
#ifndef _GUESTNET_UNISTD_H
#define _GUESTNET_UNISTD_H

#ifdef __cplusplus
extern "C" {
#endif

int pipe(int[2]);
int pipe2(int[2], int);

#ifdef __cplusplus
}
#endif

#endif
