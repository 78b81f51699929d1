/* app_lookup [-4|-6|-46] NAME...: the addresses of each name, sorted; by default IPv4. Not a transcript test; the lines
 * are those of guests/go/names. */
#include "t.h"
#include "gai.h"

enum { MOST = 64 };

static int by_text(const void *a, const void *b) { return strcmp((const char *)a, (const char *)b); }

int main(int argc, char **argv) {
    static char texts[MOST][INET6_ADDRSTRLEN];
    int family = AF_INET;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            family = strcmp(argv[i], "-6") == 0 ? AF_INET6 : strcmp(argv[i], "-46") == 0 ? AF_UNSPEC : AF_INET;
            continue;
        }
        struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list = NULL;
        int error = getaddrinfo(argv[i], NULL, &hints, &list);
        if (error != 0) {
            printf("%s: %s\n", argv[i], eai_name(error));
            continue;
        }
        size_t count = 0;
        for (struct addrinfo *a = list; a != NULL && count < MOST; a = a->ai_next) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a->ai_addr;
            const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a->ai_addr;
            const void *octets = a->ai_family == AF_INET ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr;
            inet_ntop(a->ai_family, octets, texts[count++], sizeof texts[0]);
        }
        freeaddrinfo(list);
        qsort(texts, count, sizeof texts[0], by_text);
        printf("%s:", argv[i]);
        for (size_t n = 0; n < count; n++) printf(" %s", texts[n]);
        printf("\n");
    }
    return 0;
}
