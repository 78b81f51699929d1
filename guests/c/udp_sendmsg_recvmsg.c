/* sendmsg gathers one datagram and names its destination; recvmsg scatters it and names its source. sendmsg(2). */
#include "t.h"

int main(void) {
    int client = udp_bound(AF_INET), server = udp_bound(AF_INET);
    struct addr to = local_addr(server);
    struct iovec out[3] = {{"one ", 4}, {"", 0}, {"datagram", 8}};
    struct msghdr message = {.msg_name = &to.sa, .msg_namelen = to.len, .msg_iov = out, .msg_iovlen = 3};
    show("sendmsg", sendmsg(client, &message, 0));
    char a[6], b[16];
    struct iovec in[2] = {{a, sizeof a}, {b, sizeof b}};
    struct addr from;
    memset(&from, 0, sizeof from);
    message = (struct msghdr){.msg_name = &from.sa, .msg_namelen = sizeof from.storage, .msg_iov = in, .msg_iovlen = 2};
    message.msg_flags = -1;
    long n = show("recvmsg", recvmsg(server, &message, 0));
    show_data("first", 6, a);
    show_data("second", n - 6, b);
    from.len = message.msg_namelen;
    show_addr("from", from);
    fact("from the client", same_addr(from, local_addr(client)));
    show("msg_flags", message.msg_flags);
    struct iovec gathered[2] = {{"by ", 3}, {"writev", 6}};
    must("connect", connect_to(client, to));
    show("writev", writev(client, gathered, 2));
    n = show("readv", readv(server, in, 2));
    show_data("first", 6, a);
    show_data("second", n - 6, b);
    return 0;
}
