/* sys/socket.h for wasip1: the whole POSIX socket interface, served by libguestnet.a. It takes the place of
 * wasi-libc's header, which declares six of its functions. Numbers that wasi-libc defines keep wasi-libc's value, so
 * that objects compiled with and without the overlay fit together; all others are Linux's. */
#ifndef _SYS_SOCKET_H
#define _SYS_SOCKET_H
#pragma GCC system_header

#include <features.h>

#define __NEED_socklen_t
#define __NEED_sa_family_t
#define __NEED_size_t
#define __NEED_ssize_t
#define __NEED_struct_iovec
#include <bits/alltypes.h>

#include <__struct_msghdr.h>
#include <__struct_sockaddr.h>
#include <__struct_sockaddr_storage.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PF_UNSPEC 0
#define PF_INET 1
#define PF_INET6 2
#define PF_UNIX 3
#define PF_LOCAL PF_UNIX
#define PF_FILE PF_UNIX
#define AF_UNSPEC PF_UNSPEC
#define AF_INET PF_INET
#define AF_INET6 PF_INET6
#define AF_UNIX PF_UNIX
#define AF_LOCAL PF_UNIX
#define AF_FILE PF_UNIX

/* SOCK_DGRAM and SOCK_STREAM are WASI's file types. The others are there to let programs compile: socket() refuses
 * them. */
#define SOCK_RAW 3
#define SOCK_RDM 4
#define SOCK_DGRAM 5
#define SOCK_STREAM 6
#define SOCK_SEQPACKET 7
#define SOCK_CLOEXEC 0x2000
#define SOCK_NONBLOCK 0x4000

#define SHUT_RD 1
#define SHUT_WR 2
#define SHUT_RDWR 3

#define SOMAXCONN 4096

#define SOL_SOCKET 0x7fffffff
#define SOL_IP 0
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_IPV6 41

#define SO_DEBUG 1
#define SO_REUSEADDR 2
#define SO_TYPE 3
#define SO_ERROR 4
#define SO_DONTROUTE 5
#define SO_BROADCAST 6
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_KEEPALIVE 9
#define SO_OOBINLINE 10
#define SO_LINGER 13
#define SO_REUSEPORT 15
#define SO_RCVLOWAT 18
#define SO_SNDLOWAT 19
#define SO_BINDTODEVICE 25
#define SO_ACCEPTCONN 30
#define SO_PROTOCOL 38
#define SO_DOMAIN 39
#define SO_RCVTIMEO 66
#define SO_SNDTIMEO 67

/* MSG_PEEK and MSG_WAITALL are wasi-libc's. MSG_TRUNC is not: there it equals MSG_PEEK, so it cannot be asked for. */
#define MSG_PEEK 0x0001
#define MSG_WAITALL 0x0002
#define MSG_DONTROUTE 0x0004
#define MSG_CTRUNC 0x0008
#define MSG_OOB 0x0010
#define MSG_TRUNC 0x0020
#define MSG_DONTWAIT 0x0040
#define MSG_EOR 0x0080
#define MSG_CONFIRM 0x0800
#define MSG_ERRQUEUE 0x2000
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000
#define MSG_WAITFORONE 0x10000
#define MSG_CMSG_CLOEXEC 0x40000000

struct linger {
    int l_onoff;
    int l_linger; /* seconds */
};

/* Ancillary data: the structures and macros are here, no kind of it can be sent or received. */
struct cmsghdr {
    socklen_t cmsg_len;
    int cmsg_level;
    int cmsg_type;
};

#define SCM_RIGHTS 0x01
#define SCM_CREDENTIALS 0x02

#define CMSG_ALIGN(len) (((len) + sizeof(size_t) - 1) & (size_t) ~(sizeof(size_t) - 1))
#define CMSG_SPACE(len) (CMSG_ALIGN(len) + CMSG_ALIGN(sizeof(struct cmsghdr)))
#define CMSG_LEN(len) (CMSG_ALIGN(sizeof(struct cmsghdr)) + (len))
#define CMSG_DATA(cmsg) ((unsigned char *)(((struct cmsghdr *)(cmsg)) + 1))
#define CMSG_FIRSTHDR(mhdr)                                                                       \
    ((size_t)(mhdr)->msg_controllen >= sizeof(struct cmsghdr) ? (struct cmsghdr *)(mhdr)->msg_control \
                                                              : (struct cmsghdr *)0)
#define CMSG_NXTHDR(mhdr, cmsg)                                                                   \
    ((cmsg)->cmsg_len < sizeof(struct cmsghdr) ||                                                 \
             CMSG_ALIGN((cmsg)->cmsg_len) + sizeof(struct cmsghdr) >=                             \
                 (size_t)((unsigned char *)(mhdr)->msg_control + (mhdr)->msg_controllen -         \
                          (unsigned char *)(cmsg))                                                \
         ? (struct cmsghdr *)0                                                                    \
         : (struct cmsghdr *)((unsigned char *)(cmsg) + CMSG_ALIGN((cmsg)->cmsg_len)))

/* wasi-libc defines these six itself. The overlay's have names of their own in object files, so that they are taken
 * wherever the two libraries stand on the linker's command line. */
int shutdown(int, int) __asm__("__guestnet_shutdown");
int accept(int, struct sockaddr *__restrict, socklen_t *__restrict) __asm__("__guestnet_accept");
int accept4(int, struct sockaddr *__restrict, socklen_t *__restrict, int) __asm__("__guestnet_accept4");
ssize_t send(int, const void *, size_t, int) __asm__("__guestnet_send");
ssize_t recv(int, void *, size_t, int) __asm__("__guestnet_recv");
int getsockopt(int, int, int, void *__restrict, socklen_t *__restrict) __asm__("__guestnet_getsockopt");

int socket(int, int, int);
int socketpair(int, int, int, int[2]);
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int listen(int, int);
int getsockname(int, struct sockaddr *__restrict, socklen_t *__restrict);
int getpeername(int, struct sockaddr *__restrict, socklen_t *__restrict);
ssize_t sendto(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
ssize_t recvfrom(int, void *__restrict, size_t, int, struct sockaddr *__restrict, socklen_t *__restrict);
ssize_t sendmsg(int, const struct msghdr *, int);
ssize_t recvmsg(int, struct msghdr *, int);
int setsockopt(int, int, int, const void *, socklen_t);

#ifdef _GNU_SOURCE
struct mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len;
};
struct timespec;
int sendmmsg(int, struct mmsghdr *, unsigned int, unsigned int);
int recvmmsg(int, struct mmsghdr *, unsigned int, unsigned int, struct timespec *);
#endif

#ifdef __cplusplus
}
#endif

#endif
