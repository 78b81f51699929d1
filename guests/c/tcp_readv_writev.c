/* Scatter and gather: iovecs are one stream, in order, filled one after the other. readv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct iovec out[3] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
    show("writev", writev(pair[0], out, 3));
    wait_bytes(pair[1], 13);
    char a[3], b[5], c[16];
    struct iovec in[3] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    long n = show("readv", readv(pair[1], in, 3));
    show_data("first", 3, a);
    show_data("second", 5, b);
    show_data("third", n - 8, c);
    return 0;
}
