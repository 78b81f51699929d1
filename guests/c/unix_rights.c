/* SCM_RIGHTS: a descriptor sent through a UNIX socket. unix(7), cmsg(3). wasip1 cannot say it: its calls carry no
 * ancillary data. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int pair[2];
    unix_pair("rights", pair);
    int sent = udp_bound(AF_INET);
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    char byte = 'x';
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &sent, sizeof sent);
    if (show("sendmsg", sendmsg(pair[0], &message, MSG_NOSIGNAL)) < 0) return 0;
    memset(&control, 0, sizeof control);
    message.msg_controllen = sizeof control;
    show("recvmsg", recvmsg(pair[1], &message, 0));
    header = CMSG_FIRSTHDR(&message);
    if (!fact("a descriptor came", header != NULL && header->cmsg_type == SCM_RIGHTS)) return 0;
    int received = -1;
    memcpy(&received, CMSG_DATA(header), sizeof received);
    fact("it is the same socket", same_addr(local_addr(received), local_addr(sent)));
    return 0;
}
