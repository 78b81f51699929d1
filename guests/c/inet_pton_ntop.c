/* inet_pton and inet_ntop: what is an address, and how one is written. inet_pton(3), RFC 5952. */
#include "t.h"

static void v4(const char *text) {
    unsigned char bytes[4] = {0};
    long result = inet_pton(AF_INET, text, bytes);
    printf("v4 \"%s\": ", text);
    if (result == 1)
        printf("%d %d %d %d\n", bytes[0], bytes[1], bytes[2], bytes[3]);
    else
        printf("%ld\n", result);
}

static void v6(const char *text) {
    unsigned char bytes[16];
    char back[INET6_ADDRSTRLEN];
    long result = inet_pton(AF_INET6, text, bytes);
    printf("v6 \"%s\": ", text);
    if (result == 1)
        printf("%s\n", inet_ntop(AF_INET6, bytes, back, sizeof back));
    else
        printf("%ld\n", result);
}

int main(void) {
    const char *fours[] = {"1.2.3.4",   "255.255.255.255", "0.0.0.0", "256.1.1.1", "1.2.3",
                           "1.2.3.4.5", "1.2.3.4 ",        "",        "a.b.c.d",   "1..2.3"};
    for (size_t i = 0; i < sizeof fours / sizeof *fours; i++) v4(fours[i]);
    const char *sixes[] = {"::",
                           "::1",
                           "1::",
                           "2001:db8::1",
                           "2001:0DB8:0:0:0:0:0:1",
                           "1:2:3:4:5:6:7:8",
                           "1:0:0:2:0:0:0:3",
                           "::ffff:1.2.3.4",
                           "fe80::1%lo",
                           ":::",
                           "1:2:3:4:5:6:7:8:9",
                           "12345::",
                           "g::",
                           "",
                           "1:2:3:4:5:6:7::"};
    for (size_t i = 0; i < sizeof sixes / sizeof *sixes; i++) v6(sixes[i]);
    unsigned char bytes[16] = {1, 2, 3, 4};
    char small[4];
    show("a small buffer", inet_ntop(AF_INET, bytes, small, sizeof small) == NULL ? -1 : 0);
    show("another family", inet_pton(77, "1.2.3.4", bytes));
    return 0;
}
