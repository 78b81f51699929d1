/* guestnet.c: what Emscripten's C library answers itself before any JavaScript library is asked: socketpair() with ENOSYS,
 * gethostbyname() with one address whatever the name is, and getservbyname() from a file that the program does not have.
 *
 * guestnet-emcc names this file, to be compiled with the program. Not here: what the call does. */
#include <arpa/inet.h>
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

/* musl's struct service; its callers have room for two. */
struct service {
    uint16_t port;
    unsigned char proto, socktype;
};

/* What getservbyname() and its _r form ask for a service name: how many protocols have it, or an EAI_*. Without `protocol`,
 * TCP's comes first. */
int __lookup_serv(struct service *found, const char *name, int protocol, int type, int flags) {
    static const unsigned char kinds[][2] = {{IPPROTO_TCP, SOCK_STREAM}, {IPPROTO_UDP, SOCK_DGRAM}};
    int count = 0;
    for (int i = 0; i < 2; i++) {
        if ((protocol != 0 && protocol != kinds[i][0]) || (type != 0 && type != kinds[i][1])) continue;
        struct addrinfo hints, *list;
        memset(&hints, 0, sizeof hints);
        hints.ai_family = AF_INET;
        hints.ai_socktype = kinds[i][1];
        hints.ai_flags = flags & AI_NUMERICSERV;
        if (getaddrinfo(NULL, name, &hints, &list) != 0) continue;
        found[count].port = ntohs(((struct sockaddr_in *)(void *)list->ai_addr)->sin_port);
        found[count].proto = kinds[i][0];
        found[count++].socktype = kinds[i][1];
        freeaddrinfo(list);
    }
    return count > 0 ? count : EAI_SERVICE;
}

#ifdef __cplusplus
}
#endif
