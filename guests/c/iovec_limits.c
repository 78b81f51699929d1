/* Counts of iovecs that are out of range. readv(2): EINVAL; sendmsg(2): EMSGSIZE. The largest count works. */
#include "t.h"

int main(void) {
    int pair[2];
    volatile int minus_one = -1; /* a compiler that sees the number refuses it */
    tcp_pair(AF_INET, pair);
    static struct iovec many[1025];
    static char bytes[1025];
    for (int i = 0; i < 1025; i++) {
        bytes[i] = (char)pattern((size_t)i);
        many[i] = (struct iovec){.iov_base = &bytes[i], .iov_len = 1};
    }
    show("writev of 1024", writev(pair[0], many, 1024));
    wait_bytes(pair[1], 1024);
    static char in[2048];
    show("recv", recv(pair[1], in, sizeof in, 0));
    fact("intact", memcmp(in, bytes, 1024) == 0);
    show("writev of 1025", writev(pair[0], many, 1025));
    show("writev of -1", writev(pair[0], many, minus_one));
    show("readv of 1025", readv(pair[1], many, 1025));
    show("readv of -1", readv(pair[1], many, minus_one));
    struct msghdr message = {.msg_iov = many, .msg_iovlen = 1025};
    show("sendmsg of 1025", sendmsg(pair[0], &message, MSG_NOSIGNAL));
    show("recvmsg of 1025", recvmsg(pair[1], &message, 0));
    return 0;
}
