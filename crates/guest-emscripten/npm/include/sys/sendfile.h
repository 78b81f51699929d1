/* sys/sendfile.h: sendfile(2), which Emscripten has no header for. */
#ifndef GUESTNET_SYS_SENDFILE_H
#define GUESTNET_SYS_SENDFILE_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

ssize_t sendfile(int out, int in, off_t *offset, size_t count);

#define sendfile64 sendfile

#ifdef __cplusplus
}
#endif

#endif
