/* getnameinfo: always digits. No ABI has a look-up from address to name, so a name that must be had (NI_NAMEREQD) is
 * EAI_NONAME, which is what Linux says of an address without one. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define KNOWN_FLAGS (NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM | NI_NUMERICSCOPE)

/* Copies a text with its end; false when it does not fit. */
static bool put(char *to, socklen_t room, const char *text) {
    size_t len = strlen(text) + 1;
    if (len > room) return false;
    memcpy(to, text, len);
    return true;
}

static int host_of(const struct sockaddr *addr, char *to, socklen_t room) {
    char text[INET6_ADDRSTRLEN + sizeof "%4294967295"];
    if (addr->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, text, sizeof text);
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        if (in6->sin6_scope_id != 0)
            snprintf(text + strlen(text), sizeof "%4294967295", "%%%u", in6->sin6_scope_id);
    }
    return put(to, room, text) ? 0 : EAI_OVERFLOW;
}

static int service_of(const struct sockaddr *addr, char *to, socklen_t room) {
    char text[sizeof "65535"];
    in_port_t port = addr->sa_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
                                                : ((const struct sockaddr_in6 *)addr)->sin6_port;
    snprintf(text, sizeof text, "%d", ntohs(port));
    return put(to, room, text) ? 0 : EAI_OVERFLOW;
}

int getnameinfo(const struct sockaddr *restrict addr, socklen_t len, char *restrict host, socklen_t host_room,
                char *restrict service, socklen_t service_room, int flags) {
    bool wants_host = host != NULL && host_room != 0;
    bool wants_service = service != NULL && service_room != 0;
    if (flags & ~KNOWN_FLAGS) return EAI_BADFLAGS;
    if (addr == NULL || len < sizeof addr->sa_family) return EAI_FAMILY;
    if ((flags & NI_NAMEREQD) && !wants_host && !wants_service) return EAI_NONAME;
    if (addr->sa_family == AF_INET ? len < sizeof(struct sockaddr_in)
                                   : addr->sa_family != AF_INET6 || len < sizeof(struct sockaddr_in6))
        return EAI_FAMILY;
    int error = 0;
    if (wants_host) {
        if (flags & NI_NAMEREQD) return EAI_NONAME;
        error = host_of(addr, host, host_room);
    }
    if (error == 0 && wants_service) error = service_of(addr, service, service_room);
    return error;
}
