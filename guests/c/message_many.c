/* sendmmsg and recvmmsg: several datagrams in one call, each with its own length and address. sendmmsg(2). */
#include "t.h"

#define COUNT 5

int main(void) {
    int from = udp_bound(AF_INET), to = udp_bound(AF_INET);
    struct addr address = local_addr(to), sources[COUNT];
    struct mmsghdr messages[COUNT];
    struct iovec parts[COUNT][2];
    char out[COUNT][8], in[COUNT][8];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < COUNT; i++) {
        snprintf(out[i], sizeof out[i], "no %d", i);
        parts[i][0] = (struct iovec){.iov_base = out[i], .iov_len = 2};
        parts[i][1] = (struct iovec){.iov_base = out[i] + 2, .iov_len = (size_t)(i == 3 ? 0 : 2)};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &address.sa, .msg_namelen = address.len, .msg_iov = parts[i], .msg_iovlen = 2};
    }
    show("sendmmsg", sendmmsg(from, messages, COUNT, 0));
    for (int i = 0; i < COUNT; i++) show("sent", (long)messages[i].msg_len);
    wait_readable(to);
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < COUNT; i++) {
        parts[i][0] = (struct iovec){.iov_base = in[i], .iov_len = sizeof in[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &sources[i].storage,
                                              .msg_namelen = sizeof sources[i].storage,
                                              .msg_iov = parts[i],
                                              .msg_iovlen = 1};
    }
    int count = (int)show("recvmmsg", recvmmsg(to, messages, COUNT, MSG_DONTWAIT, NULL));
    for (int i = 0; i < count; i++) {
        show_data("received", (long)messages[i].msg_len, in[i]);
        sources[i].len = messages[i].msg_hdr.msg_namelen;
        fact("from the sender", same_addr(sources[i], local_addr(from)));
    }
    show("recvmmsg", recvmmsg(to, messages, COUNT, MSG_DONTWAIT, NULL));
    show("recvmmsg of a bad descriptor", recvmmsg(9999, messages, COUNT, MSG_DONTWAIT, NULL));
    return 0;
}
