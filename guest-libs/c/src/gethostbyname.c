/* gethostbyname, gethostbyname2, gethostbyaddr and their errors, over getaddrinfo. The result is one static place, as
 * it always was with these functions. gethostbyaddr knows no names. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESSES_MAX 35

static int last_error;

int *__h_errno_location(void) { return &last_error; }

const char *hstrerror(int error) {
    static const char *const texts[] = {"Resolver Error 0 (no error)", "Unknown host", "Host name lookup failure",
                                        "Unknown server error", "No address associated with name"};
    return error < 0 ? "Resolver internal error"
                     : (size_t)error < sizeof texts / sizeof *texts ? texts[error] : "Unknown resolver error";
}

void herror(const char *what) {
    if (what != NULL && *what != '\0') fprintf(stderr, "%s: ", what);
    fprintf(stderr, "%s\n", hstrerror(last_error));
}

static int h_errno_of(int error) {
    switch (error) {
        case EAI_NONAME:
        case EAI_ADDRFAMILY:
            return HOST_NOT_FOUND;
        case EAI_NODATA:
            return NO_DATA;
        case EAI_AGAIN:
            return TRY_AGAIN;
        default:
            return NO_RECOVERY;
    }
}

static struct {
    struct hostent entry;
    char *aliases[1];
    char *list[ADDRESSES_MAX + 1];
    unsigned char octets[ADDRESSES_MAX][16];
    char *name;
} answer;

static struct hostent *fill(const struct addrinfo *found, const char *asked, int family) {
    size_t count = 0;
    char *name = strdup(found->ai_canonname != NULL ? found->ai_canonname : asked);
    if (name == NULL) return NULL;
    free(answer.name);
    answer.name = name;
    answer.entry.h_name = name;
    answer.entry.h_aliases = answer.aliases;
    answer.entry.h_addrtype = family;
    answer.entry.h_length = family == AF_INET ? 4 : 16;
    answer.entry.h_addr_list = answer.list;
    for (const struct addrinfo *one = found; one != NULL && count < ADDRESSES_MAX; one = one->ai_next) {
        const void *octets = family == AF_INET ? (const void *)&((struct sockaddr_in *)one->ai_addr)->sin_addr
                                               : (const void *)&((struct sockaddr_in6 *)one->ai_addr)->sin6_addr;
        memcpy(answer.octets[count], octets, (size_t)answer.entry.h_length);
        answer.list[count] = (char *)answer.octets[count];
        count++;
    }
    answer.list[count] = NULL;
    return &answer.entry;
}

struct hostent *gethostbyname2(const char *name, int family) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *found;
    if (family != AF_INET && family != AF_INET6) {
        last_error = NO_RECOVERY;
        errno = EAFNOSUPPORT;
        return NULL;
    }
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0) {
        last_error = h_errno_of(error);
        return NULL;
    }
    struct hostent *entry = fill(found, name, family);
    freeaddrinfo(found);
    if (entry == NULL) last_error = NO_RECOVERY;
    return entry;
}

struct hostent *gethostbyname(const char *name) { return gethostbyname2(name, AF_INET); }

struct hostent *gethostbyaddr(const void *octets, socklen_t len, int family) {
    (void)octets, (void)len, (void)family;
    last_error = HOST_NOT_FOUND;
    return NULL;
}
