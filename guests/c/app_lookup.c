/* app_lookup NAME...: the IPv4 addresses of each name, sorted. Not a transcript test; the lines are those of
 * guests/go/names. */
#include "t.h"
#include "gai.h"

enum { MOST = 64 };

static int by_text(const void *a, const void *b) { return strcmp((const char *)a, (const char *)b); }

int main(int argc, char **argv) {
    static char texts[MOST][INET_ADDRSTRLEN];
    for (int i = 1; i < argc; i++) {
        struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
        int error = getaddrinfo(argv[i], NULL, &hints, &list);
        if (error != 0) {
            printf("%s: %s\n", argv[i], eai_name(error));
            continue;
        }
        size_t count = 0;
        for (struct addrinfo *a = list; a != NULL && count < MOST; a = a->ai_next) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a->ai_addr;
            inet_ntop(AF_INET, &in->sin_addr, texts[count++], sizeof texts[0]);
        }
        freeaddrinfo(list);
        qsort(texts, count, sizeof texts[0], by_text);
        printf("%s:", argv[i]);
        for (size_t n = 0; n < count; n++) printf(" %s", texts[n]);
        printf("\n");
    }
    return 0;
}
