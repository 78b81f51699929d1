/* MCAST_JOIN_GROUP and MCAST_LEAVE_GROUP of both families by the index of loopback, struct ip_mreqn, and the interface of what is
 * sent by its index. ip(7), ipv6(7), RFC 3678. */
#include "../c/t.h"

static long group(int fd, int level, int name, const char *text, unsigned interface) {
    struct group_req request;
    struct addr a = ip(text, 0);
    memset(&request, 0, sizeof request);
    request.gr_interface = interface;
    memcpy(&request.gr_group, &a.storage, sizeof request.gr_group);
    return setsockopt(fd, level, name, &request, sizeof request);
}

static long source(int fd, int name, const char *text, const char *from, unsigned interface) {
    struct group_source_req request;
    struct addr a = ip(text, 0), b = ip(from, 0);
    memset(&request, 0, sizeof request);
    request.gsr_interface = interface;
    memcpy(&request.gsr_group, &a.storage, sizeof request.gsr_group);
    memcpy(&request.gsr_source, &b.storage, sizeof request.gsr_source);
    return setsockopt(fd, IPPROTO_IPV6, name, &request, sizeof request);
}

static long mreqn(int fd, int name, const char *text, int interface) {
    struct ip_mreqn request;
    memset(&request, 0, sizeof request);
    inet_pton(AF_INET, text, &request.imr_multiaddr);
    request.imr_ifindex = interface;
    return setsockopt(fd, IPPROTO_IP, name, &request, sizeof request);
}

int main(void) {
    int fd = udp(AF_INET), six = udp(AF_INET6), four = IPPROTO_IP;
    show("join", group(fd, four, MCAST_JOIN_GROUP, "239.255.7.31", 1));
    show("join again", group(fd, four, MCAST_JOIN_GROUP, "239.255.7.31", 1));
    show("leave", group(fd, four, MCAST_LEAVE_GROUP, "239.255.7.31", 1));
    show("leave again", group(fd, four, MCAST_LEAVE_GROUP, "239.255.7.31", 1));
    show("join what is no group", group(fd, four, MCAST_JOIN_GROUP, "192.0.2.1", 1));
    show("at no interface", group(fd, four, MCAST_JOIN_GROUP, "239.255.7.31", 1000000007));
    show("the other family", group(fd, four, MCAST_JOIN_GROUP, "ff15::7:31", 1));
    show("too short", setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &fd, sizeof fd));

    show("IPv6: join", group(six, IPPROTO_IPV6, MCAST_JOIN_GROUP, "ff15::7:31", 1));
    show("join again", group(six, IPPROTO_IPV6, MCAST_JOIN_GROUP, "ff15::7:31", 1));
    show("leave", group(six, IPPROTO_IPV6, MCAST_LEAVE_GROUP, "ff15::7:31", 1));
    show("leave again", group(six, IPPROTO_IPV6, MCAST_LEAVE_GROUP, "ff15::7:31", 1));
    show("at no interface", group(six, IPPROTO_IPV6, MCAST_JOIN_GROUP, "ff15::7:31", 1000000007));
    show("the other family", group(six, IPPROTO_IPV6, MCAST_JOIN_GROUP, "239.255.7.31", 1));
    show("IPv4 of a socket of IPv6", group(six, IPPROTO_IP, MCAST_JOIN_GROUP, "239.255.7.31", 1));
    show("of a source", source(six, MCAST_JOIN_SOURCE_GROUP, "ff15::7:32", "::1", 1));
    show("block another", source(six, MCAST_BLOCK_SOURCE, "ff15::7:32", "::2", 1));
    show("leave it", source(six, MCAST_LEAVE_SOURCE_GROUP, "ff15::7:32", "::1", 1));
    show("leave it again", source(six, MCAST_LEAVE_SOURCE_GROUP, "ff15::7:32", "::1", 1));

    show("struct ip_mreqn: join", mreqn(fd, IP_ADD_MEMBERSHIP, "239.255.7.33", 1));
    show("join by its address", group(fd, four, MCAST_JOIN_GROUP, "239.255.7.33", 1));
    show("leave", mreqn(fd, IP_DROP_MEMBERSHIP, "239.255.7.33", 1));
    show("leave again", mreqn(fd, IP_DROP_MEMBERSHIP, "239.255.7.33", 1));
    show("at no interface", mreqn(fd, IP_ADD_MEMBERSHIP, "239.255.7.33", 1000000007));

    struct in_addr out = {.s_addr = 1};
    socklen_t len = sizeof out;
    show("IP_MULTICAST_IF by index", mreqn(fd, IP_MULTICAST_IF, "0.0.0.0", 1));
    show("getsockopt", getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, &len));
    show("its address", (long)out.s_addr);
    show("no interface", mreqn(fd, IP_MULTICAST_IF, "0.0.0.0", 1000000007));
    show("IPV6_MULTICAST_IF", set_int(six, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1));
    show_option("getsockopt", six, IPPROTO_IPV6, IPV6_MULTICAST_IF);
    show("no interface", set_int(six, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1000000007));
    show("getsockopt MCAST_JOIN_GROUP", getsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &out, &len));
    return 0;
}
