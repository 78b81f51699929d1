/* iovecs of no bytes between others do no harm; no iovecs at all are 0 bytes. readv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct iovec out[5] = {{"", 0}, {"ab", 2}, {"", 0}, {"cd", 2}, {"", 0}};
    show("writev", writev(pair[0], out, 5));
    wait_bytes(pair[1], 4);
    char a[3], b[8];
    struct iovec in[4] = {{a, 0}, {a, sizeof a}, {NULL, 0}, {b, sizeof b}};
    long n = show("readv", readv(pair[1], in, 4));
    show_data("first", 3, a);
    show_data("second", n - 3, b);
    show("writev of none", writev(pair[0], out, 0));
    show("readv of none", readv(pair[1], in, 0));
    struct msghdr message = {.msg_iov = out, .msg_iovlen = 0};
    show("sendmsg of none", sendmsg(pair[0], &message, MSG_NOSIGNAL));
    return 0;
}
