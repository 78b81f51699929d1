/* gethostbyname, gethostbyaddr and their like, of what needs no server, and h_errno of names that are none. gethostbyname(3). */
#define _GNU_SOURCE
#include "../c/t.h"

static void show_host(const char *what, const struct hostent *host) {
    printf("%s: %s\n", what, host == NULL ? "NULL" : host->h_name);
    if (host == NULL) return;
    printf("  %s, length %d\n", host->h_addrtype == AF_INET ? "AF_INET" : "AF_INET6", host->h_length);
    for (char **each = host->h_aliases; *each != NULL; each++) printf("  alias %s\n", *each);
    for (char **each = host->h_addr_list; *each != NULL; each++) {
        char text[INET6_ADDRSTRLEN] = "?";
        inet_ntop(host->h_addrtype, *each, text, sizeof text);
        printf("  %s\n", text);
    }
}

static const char *code_name(int code) {
    switch (code) {
    case 0: return "0";
    case -1: return "NETDB_INTERNAL";
    case HOST_NOT_FOUND: return "HOST_NOT_FOUND";
    case TRY_AGAIN: return "TRY_AGAIN";
    case NO_RECOVERY: return "NO_RECOVERY";
    case NO_DATA: return "NO_DATA";
    default: return "another code";
    }
}

/* No address, and the h_errno that goes with the error of getaddrinfo. */
static void none(const char *what, const char *name) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
    int error = getaddrinfo(name, NULL, &hints, &list);
    int expected = error == EAI_AGAIN ? TRY_AGAIN : error == EAI_FAIL ? NO_RECOVERY : HOST_NOT_FOUND;
    printf("%s\n", what);
    h_errno = 0;
    show_host("  gethostbyname", gethostbyname(name));
    fact("  h_errno", h_errno == expected);
    char buffer[2048];
    struct hostent entry, *host = &entry;
    int code = 0;
    int result = gethostbyname_r(name, &entry, buffer, sizeof buffer, &host, &code);
    fact("  the result says whether to try again", result == (expected == TRY_AGAIN ? EAGAIN : 0));
    show_host("  gethostbyname_r", host);
    fact("  h_errno", code == expected);
}

/* gethostbyaddr of `size` bytes, and its _r form. */
static void by_address(const char *what, const char *text, socklen_t size, int family) {
    unsigned char address[16] = {0};
    inet_pton(strchr(text, ':') != NULL ? AF_INET6 : AF_INET, text, address);
    printf("%s\n", what);
    h_errno = 0;
    errno = 0;
    struct hostent *host = gethostbyaddr(address, size, family);
    show_host("  gethostbyaddr", host);
    if (host == NULL) printf("  h_errno %s, errno %s\n", code_name(h_errno), h_errno < 0 ? errno_name(errno) : "not said");
    char buffer[2048];
    struct hostent entry;
    int code = 0;
    int result = gethostbyaddr_r(address, size, family, &entry, buffer, sizeof buffer, &host, &code);
    printf("  gethostbyaddr_r: %s\n", result == 0 ? "0" : errno_name(result));
    show_host("  its result", host);
    if (host == NULL) printf("  h_errno %s\n", code_name(code));
}

int main(void) {
    show_host("a number", gethostbyname("127.0.0.1"));
    show_host("a number in another spelling", gethostbyname("127.1"));
    show_host("localhost", gethostbyname("localhost"));
    show_host("a number of IPv6", gethostbyname2("::1", AF_INET6));
    char buffer[2048], small[20];
    struct hostent entry, *host = NULL;
    int code = 0;
    show("gethostbyname_r", gethostbyname_r("127.0.0.1", &entry, buffer, sizeof buffer, &host, &code));
    show_host("its result", host);
    show("gethostbyname2_r", gethostbyname2_r("::1", AF_INET6, &entry, buffer, sizeof buffer, &host, &code));
    show_host("its result", host);
    fact("ERANGE without room", gethostbyname_r("127.0.0.1", &entry, small, sizeof small, &host, &code) == ERANGE);
    printf("h_errno %s, %s\n", code_name(code), host == NULL ? "NULL" : "a host");
    none("a name that does not exist", "no.such.invalid");
    none("a name that is none", "two words");
    none("a number of the other family", "::1");
    errno = h_errno = 0;
    show_host("a family that has no hosts", gethostbyname2("localhost", AF_UNIX));
    printf("h_errno %s, errno %s\n", code_name(h_errno), errno_name(errno));
    by_address("loopback", "127.0.0.1", 4, AF_INET);
    by_address("no address", "::", 16, AF_INET6);
    by_address("too short", "127.0.0.1", 3, AF_INET);
    by_address("too short for IPv6", "::1", 4, AF_INET6);
    by_address("another family", "127.0.0.1", 4, AF_UNIX);
    return 0;
}
