/* sendmsg and recvmsg on TCP: scatter and gather; no name, no flags. sendmsg(2), recvmsg(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct iovec out[2] = {{"scatter ", 8}, {"gather", 6}};
    struct msghdr message = {.msg_iov = out, .msg_iovlen = 2};
    show("sendmsg", sendmsg(pair[0], &message, MSG_NOSIGNAL));
    wait_bytes(pair[1], 14);
    char a[4], b[32];
    struct iovec in[2] = {{a, sizeof a}, {b, sizeof b}};
    struct sockaddr_storage name;
    memset(&name, 0xee, sizeof name);
    message =
        (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_name = &name, .msg_namelen = sizeof name, .msg_flags = -1};
    long n = show("recvmsg", recvmsg(pair[1], &message, 0));
    show_data("first", 4, a);
    show_data("second", n - 4, b);
    show("msg_namelen", (long)message.msg_namelen);
    show("msg_flags", message.msg_flags);
    show("msg_controllen", (long)message.msg_controllen);
    return 0;
}
