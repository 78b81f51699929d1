/* IP_PKTINFO and IPV6_RECVPKTINFO: to which address a datagram was sent, as a control message. ip(7), ipv6(7). */
#include "../c/t.h"

static void one(int family) {
    int from = udp_bound(family), to = udp(family);
    must("bind", bind_to(to, ip(family == AF_INET6 ? "::" : "0.0.0.0", 0)));
    if (family == AF_INET6)
        show("IPV6_RECVPKTINFO", set_int(to, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    else
        show("IP_PKTINFO", set_int(to, IPPROTO_IP, IP_PKTINFO, 1));
    struct addr target = family == AF_INET6 ? ip("::1", port_of(local_addr(to))) : ip("127.0.0.5", port_of(local_addr(to)));
    must("send", send_to(from, "hello", 5, target));
    wait_readable(to);
    char data[8];
    union {
        struct cmsghdr header;
        char bytes[256];
    } control;
    struct iovec part = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    show_data("recvmsg", recvmsg(to, &message, 0), data);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        char text[INET6_ADDRSTRLEN] = "?";
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            printf("IP_PKTINFO to %s, an interface: %s\n", inet_ntop(AF_INET, &info.ipi_addr, text, sizeof text),
                   info.ipi_ifindex > 0 ? "yes" : "no");
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            printf("IPV6_PKTINFO to %s, an interface: %s\n", inet_ntop(AF_INET6, &info.ipi6_addr, text, sizeof text),
                   info.ipi6_ifindex > 0 ? "yes" : "no");
        } else {
            printf("another control message\n");
        }
    }
}

int main(void) {
    one(AF_INET);
    one(AF_INET6);
    return 0;
}
