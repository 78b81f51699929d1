/* A socket as a C stream: fdopen, fprintf, fgets. POSIX fdopen. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    FILE *out = fdopen(pair[0], "w"), *in = fdopen(pair[1], "r");
    if (out == NULL || in == NULL) return 1;
    show("fprintf", fprintf(out, "GET %s HTTP/1.%d\r\n", "/", 1));
    show("fprintf", fprintf(out, "Host: %s\r\n\r\n", "localhost"));
    show("fclose", fclose(out));
    char line[64];
    while (fgets(line, sizeof line, in) != NULL) show_data("fgets", (long)strlen(line), line);
    fact("feof", feof(in));
    fact("ferror", ferror(in));
    return 0;
}
