/* names.c: hosts, services and protocols as glibc gives them: gethostbyname(), gethostbyaddr(), getservbyname(), getprotobyname()
 * and their like. Emscripten's own know one address whatever the name is, a file that the program does not have, and tcp and udp.
 *
 * Hosts come from getaddrinfo() and getnameinfo(), which the policy judges and which suspend the program where they have to;
 * services and protocols are the machine's. All are weak, so that a program may bring its own. The npm package has this file as
 * an object, which guestnet-emcc names. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WEAK __attribute__((weak))

/* A flag of getaddrinfo() and getnameinfo() of the package: behind the name stand its aliases, and an empty text behind all. */
#define WITH_ALIASES 0x10000

/* glibc's: see errno. */
#define NETDB_INTERNAL -1

/* The name of a host with its aliases, and a line of services(5) or protocols(5). */
#define TEXT_MAX 1024

/* The imports of libguestnet.js: an entry by its name, else by its number, else by its place in the file, with -1 for no number.
 * They write the number, for a service its protocol, the name, the aliases and an empty text. 1, 0 for none, or a negated errno. */
int guestnet_service(int index, const char *name, int port, const char *protocol, void *entry, int room);
int guestnet_protocol(int index, const char *name, int number, void *entry, int room);

/* Room of a caller's, which is given out piece by piece. */
struct room {
    char *at;
    size_t left;
};

static void *take(struct room *room, size_t size, size_t align) {
    size_t skip = (size_t)(-(uintptr_t)room->at) & (align - 1);
    if (room->left < skip || room->left - skip < size) return NULL;
    char *piece = room->at + skip;
    room->at = piece + size;
    room->left -= skip + size;
    return piece;
}

static char *take_text(struct room *room, const char *text) {
    size_t size = strlen(text) + 1;
    char *piece = take(room, size, 1);
    return piece == NULL ? NULL : memcpy(piece, text, size);
}

/* The texts that follow each other from `text` on, until an empty one, as a list with NULL at its end. */
static char **take_texts(struct room *room, const char *text) {
    size_t count = 0;
    for (const char *each = text; *each != 0; each += strlen(each) + 1) count++;
    char **list = take(room, (count + 1) * sizeof *list, _Alignof(char *));
    for (size_t i = 0; list != NULL && i < count; i++, text += strlen(text) + 1)
        if ((list[i] = take_text(room, text)) == NULL) return NULL;
    if (list != NULL) list[count] = NULL;
    return list;
}

static const char *behind(const char *text) { return text + strlen(text) + 1; }

/* What glibc says of an error of getaddrinfo(), in h_errno and as a result. */
static int failed(int error, int *code) {
    switch (error) {
    case EAI_NONAME: *code = HOST_NOT_FOUND; return 0;
    case EAI_NODATA: *code = NO_DATA; return 0;
    case EAI_AGAIN: *code = TRY_AGAIN; return EAGAIN;
    case EAI_MEMORY: *code = NETDB_INTERNAL; return ENOMEM;
    case EAI_SYSTEM: *code = NETDB_INTERNAL; return errno;
    default: *code = NO_RECOVERY; return EBADMSG;
    }
}

static int without_room(int *code) {
    *code = NETDB_INTERNAL;
    return ERANGE;
}

WEAK int gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer, size_t size, struct hostent **result,
                          int *code) {
    *result = NULL;
    if (family != AF_INET && family != AF_INET6) {
        *code = NO_DATA;
        return EAFNOSUPPORT;
    }
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME | WITH_ALIASES}, *list;
    int error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0) return failed(error, code);
    struct room room = {buffer, size};
    size_t count = 0, length = family == AF_INET ? 4 : 16;
    for (struct addrinfo *each = list; each != NULL; each = each->ai_next) count++;
    char **addresses = take(&room, (count + 1) * sizeof *addresses, _Alignof(char *));
    char *bytes = take(&room, count * length, _Alignof(uint32_t));
    const char *text = list->ai_canonname;
    host->h_aliases = take_texts(&room, text == NULL ? "" : behind(text));
    host->h_name = take_text(&room, text == NULL ? name : text);
    int fits = addresses != NULL && bytes != NULL && host->h_aliases != NULL && host->h_name != NULL;
    size_t at = 0;
    for (struct addrinfo *each = fits ? list : NULL; each != NULL; each = each->ai_next, bytes += length) {
        const struct sockaddr *addr = each->ai_addr;
        const void *from = family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)addr)->sin_addr
                                             : (const void *)&((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
        addresses[at++] = memcpy(bytes, from, length);
    }
    freeaddrinfo(list);
    if (!fits) return without_room(code);
    addresses[at] = NULL;
    host->h_addrtype = family;
    host->h_length = (int)length;
    host->h_addr_list = addresses;
    *result = host;
    *code = 0;
    return 0;
}

WEAK int gethostbyname_r(const char *name, struct hostent *host, char *buffer, size_t size, struct hostent **result, int *code) {
    return gethostbyname2_r(name, AF_INET, host, buffer, size, result, code);
}

WEAK int gethostbyaddr_r(const void *address, socklen_t size, int family, struct hostent *host, char *buffer, size_t room_size,
                         struct hostent **result, int *code) {
    *result = NULL;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } addr;
    memset(&addr, 0, sizeof addr);
    socklen_t length, addr_size;
    if (family == AF_INET && size >= 4) {
        length = 4;
        addr_size = sizeof addr.v4;
        memcpy(&addr.v4.sin_addr, address, length);
    } else if (family == AF_INET6 && size >= 16) {
        length = 16;
        addr_size = sizeof addr.v6;
        memcpy(&addr.v6.sin6_addr, address, length);
    } else {
        *code = NETDB_INTERNAL;
        return EAFNOSUPPORT;
    }
    addr.any.sa_family = (sa_family_t)family;
    if (family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&addr.v6.sin6_addr)) {
        *code = HOST_NOT_FOUND;
        return ENOENT;
    }
    char text[TEXT_MAX];
    int error = getnameinfo(&addr.any, addr_size, text, sizeof text, NULL, 0, NI_NAMEREQD | WITH_ALIASES);
    if (error != 0) return failed(error, code);
    struct room room = {buffer, room_size};
    char **addresses = take(&room, 2 * sizeof *addresses, _Alignof(char *));
    char *bytes = take(&room, length, _Alignof(uint32_t));
    host->h_aliases = take_texts(&room, behind(text));
    host->h_name = take_text(&room, text);
    if (addresses == NULL || bytes == NULL || host->h_aliases == NULL || host->h_name == NULL) return without_room(code);
    addresses[0] = memcpy(bytes, address, length);
    addresses[1] = NULL;
    host->h_addrtype = family;
    host->h_length = (int)length;
    host->h_addr_list = addresses;
    *result = host;
    *code = 0;
    return 0;
}

/* What a call without a buffer of the caller's gives: it holds until the next one. */
static struct {
    struct hostent host;
    char *buffer;
    size_t size;
} last;

/* Whether the call is to be made again, with more room. An error goes to errno and h_errno. */
static int grows(int error, int code) {
    if (error == ERANGE) {
        size_t size = last.size == 0 ? TEXT_MAX : 2 * last.size;
        char *buffer = realloc(last.buffer, size);
        if (buffer != NULL) {
            last.buffer = buffer;
            last.size = size;
            return 1;
        }
        error = ENOMEM;
    }
    if (error != 0 && (code == NETDB_INTERNAL || error == EAFNOSUPPORT)) errno = error;
    if (code != 0) h_errno = code;
    return 0;
}

WEAK struct hostent *gethostbyname2(const char *name, int family) {
    struct hostent *found;
    int error, code;
    do error = gethostbyname2_r(name, family, &last.host, last.buffer, last.size, &found, &code);
    while (grows(error, code));
    return found;
}

WEAK struct hostent *gethostbyname(const char *name) { return gethostbyname2(name, AF_INET); }

WEAK struct hostent *gethostbyaddr(const void *address, socklen_t size, int family) {
    struct hostent *found;
    int error, code;
    do error = gethostbyaddr_r(address, size, family, &last.host, last.buffer, last.size, &found, &code);
    while (grows(error, code));
    return found;
}

/* An entry of either file as the imports write it. */
struct line {
    int32_t number;
    char text[TEXT_MAX];
};

static int service_r(int index, const char *name, int port, const char *protocol, struct servent *service, char *buffer, size_t size,
                     struct servent **result) {
    *result = NULL;
    struct line line;
    int found = guestnet_service(index, name, port, protocol, &line, sizeof line);
    if (found <= 0) return -found;
    struct room room = {buffer, size};
    const char *official = behind(line.text);
    service->s_aliases = take_texts(&room, behind(official));
    service->s_name = take_text(&room, official);
    service->s_proto = take_text(&room, line.text);
    if (service->s_aliases == NULL || service->s_name == NULL || service->s_proto == NULL) return ERANGE;
    service->s_port = htons((uint16_t)line.number);
    *result = service;
    return 0;
}

/* Room for any line, and for the pointers to its texts, none of which is shorter than two bytes. */
#define LINE_ROOM (TEXT_MAX + TEXT_MAX / 2 * sizeof(char *))

/* What the calls without a buffer of the caller's give, and where getservent() and getprotoent() are in the file. */
static struct servent service_entry;
static struct protoent protocol_entry;
static int next_service, next_protocol;

static struct servent *service_at(int index, const char *name, int port, const char *protocol) {
    static char buffer[LINE_ROOM];
    struct servent *found;
    int error = service_r(index, name, port, protocol, &service_entry, buffer, sizeof buffer, &found);
    if (error != 0) errno = error;
    return found;
}

WEAK int getservbyname_r(const char *name, const char *protocol, struct servent *service, char *buffer, size_t size,
                         struct servent **result) {
    return service_r(-1, name, -1, protocol, service, buffer, size, result);
}

WEAK int getservbyport_r(int port, const char *protocol, struct servent *service, char *buffer, size_t size,
                         struct servent **result) {
    return service_r(-1, NULL, ntohs((uint16_t)port), protocol, service, buffer, size, result);
}

WEAK struct servent *getservbyname(const char *name, const char *protocol) { return service_at(-1, name, -1, protocol); }

WEAK struct servent *getservbyport(int port, const char *protocol) {
    return service_at(-1, NULL, ntohs((uint16_t)port), protocol);
}

WEAK void setservent(int stay_open) {
    (void)stay_open;
    next_service = 0;
}

WEAK void endservent(void) { next_service = 0; }

WEAK struct servent *getservent(void) {
    struct servent *found = service_at(next_service, NULL, -1, NULL);
    if (found != NULL) next_service++;
    return found;
}

static struct protoent *protocol_at(int index, const char *name, int number) {
    static char buffer[LINE_ROOM];
    struct line line;
    int found = guestnet_protocol(index, name, number, &line, sizeof line);
    if (found < 0) errno = -found;
    if (found <= 0) return NULL;
    struct room room = {buffer, sizeof buffer};
    protocol_entry.p_aliases = take_texts(&room, behind(line.text));
    protocol_entry.p_name = take_text(&room, line.text);
    protocol_entry.p_proto = line.number;
    return &protocol_entry;
}

WEAK struct protoent *getprotobyname(const char *name) { return protocol_at(-1, name, -1); }

/* No file has a negative number, and -1 is no number at all. */
WEAK struct protoent *getprotobynumber(int number) { return number < 0 ? NULL : protocol_at(-1, NULL, number); }

WEAK void setprotoent(int stay_open) {
    (void)stay_open;
    next_protocol = 0;
}

WEAK void endprotoent(void) { next_protocol = 0; }

WEAK struct protoent *getprotoent(void) {
    struct protoent *found = protocol_at(next_protocol, NULL, -1);
    if (found != NULL) next_protocol++;
    return found;
}
