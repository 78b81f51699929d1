/* gethostbyname, gethostbyname2 and their _r forms, of what needs no server, and h_errno of names that are none: what
 * getaddrinfo says of them, and no address. gethostbyname(3). */
#define _GNU_SOURCE
#include "../c/t.h"

static void show_host(const char *what, const struct hostent *host) {
    printf("%s: %s\n", what, host == NULL ? "NULL" : host->h_name);
    if (host == NULL) return;
    printf("  %s, length %d\n", host->h_addrtype == AF_INET ? "AF_INET" : "AF_INET6", host->h_length);
    for (char **each = host->h_addr_list; *each != NULL; each++) {
        char text[INET6_ADDRSTRLEN] = "?";
        inet_ntop(host->h_addrtype, *each, text, sizeof text);
        printf("  %s\n", text);
    }
}

/* No address, and the h_errno that goes with the error of getaddrinfo. */
static void none(const char *what, const char *name) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
    int error = getaddrinfo(name, NULL, &hints, &list);
    int expected = error == EAI_NONAME ? HOST_NOT_FOUND : error == EAI_AGAIN ? TRY_AGAIN : NO_RECOVERY;
    printf("%s\n", what);
    h_errno = 0;
    show_host("  gethostbyname", gethostbyname(name));
    fact("  h_errno", h_errno == expected);
    char buffer[2048];
    struct hostent entry, *host = &entry;
    int code = 0;
    gethostbyname_r(name, &entry, buffer, sizeof buffer, &host, &code);
    show_host("  gethostbyname_r", host);
    fact("  h_errno", code == expected);
}

int main(void) {
    show_host("a number", gethostbyname("127.0.0.1"));
    show_host("localhost", gethostbyname("localhost"));
    show_host("a number of IPv6", gethostbyname2("::1", AF_INET6));
    char buffer[2048], small[8];
    struct hostent entry, *host = NULL;
    int code = 0;
    show("gethostbyname_r", gethostbyname_r("127.0.0.1", &entry, buffer, sizeof buffer, &host, &code));
    show_host("its result", host);
    show("gethostbyname2_r", gethostbyname2_r("::1", AF_INET6, &entry, buffer, sizeof buffer, &host, &code));
    show_host("its result", host);
    fact("ERANGE without room", gethostbyname_r("127.0.0.1", &entry, small, sizeof small, &host, &code) == ERANGE);
    none("a name that does not exist", "no.such.invalid");
    none("a name that is none", "two words");
    return 0;
}
