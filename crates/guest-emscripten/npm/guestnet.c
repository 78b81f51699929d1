/* guestnet.c: what Emscripten's C library answers itself before any JavaScript library is asked: socketpair() with ENOSYS,
 * and the look-ups of gethostbyname() with one address whatever the name is.
 *
 * guestnet-emcc names this file, to be compiled with the program. Not here: what the call does. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

int guestnet_socketpair(int domain, int type, int protocol, intptr_t pair);

int __syscall_socketpair(int domain, int type, int protocol, intptr_t pair, int unused, int unused2) {
    (void)unused;
    (void)unused2;
    return guestnet_socketpair(domain, type, protocol, pair);
}

/* musl's struct address and the room that its callers have for a list of them and for a canonical name. */
#define ADDRESSES_MAX 48
#define CANONICAL_MAX 256

struct address {
    int family;
    unsigned scopeid;
    uint8_t addr[16];
    int sortkey;
};

/* What gethostbyname(), gethostbyname2() and their _r forms ask for a name: how many addresses it has, or an EAI_*. */
int __lookup_name(struct address *found, char *canonical, const char *name, int family, int flags) {
    struct addrinfo hints, *list;
    (void)flags;
    if (family != AF_INET && family != AF_INET6) {
        errno = EAFNOSUPPORT;
        return EAI_SYSTEM;
    }
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    int error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0) return error;
    const char *text = list->ai_canonname != NULL ? list->ai_canonname : name;
    size_t length = strlen(text);
    if (length >= CANONICAL_MAX) {
        freeaddrinfo(list);
        return EAI_NONAME;
    }
    memcpy(canonical, text, length + 1);
    int count = 0;
    for (struct addrinfo *each = list; each != NULL && count < ADDRESSES_MAX; each = each->ai_next) {
        struct address *to = &found[count++];
        memset(to, 0, sizeof *to);
        to->family = family;
        if (family == AF_INET) {
            memcpy(to->addr, &((struct sockaddr_in *)(void *)each->ai_addr)->sin_addr, 4);
        } else {
            memcpy(to->addr, &((struct sockaddr_in6 *)(void *)each->ai_addr)->sin6_addr, 16);
        }
    }
    freeaddrinfo(list);
    return count;
}

#ifdef __cplusplus
}
#endif
