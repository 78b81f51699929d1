/* IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE and their opposites, and the same by MCAST_*: whose datagrams a group brings on loopback.
 * ip(7), RFC 3678. */
#include "../c/t.h"

static int receiver, sender;

/* Each run has a group of its own: a socket that has left a group still receives what is sent to it while another process is a
 * member (IP_MULTICAST_ALL in ip(7)). */
static char group_name[INET_ADDRSTRLEN];

static long by_name(int name, const char *source) {
    struct ip_mreq_source request;
    memset(&request, 0, sizeof request);
    inet_pton(AF_INET, group_name, &request.imr_multiaddr);
    inet_pton(AF_INET, "127.0.0.1", &request.imr_interface);
    inet_pton(AF_INET, source, &request.imr_sourceaddr);
    return setsockopt(receiver, IPPROTO_IP, name, &request, sizeof request);
}

static long by_protocol(int name, const char *source) {
    struct group_source_req request;
    memset(&request, 0, sizeof request);
    struct addr group = ip(group_name, 0), from = ip(source, 0);
    request.gsr_interface = 1;
    memcpy(&request.gsr_group, &group.storage, sizeof request.gsr_group);
    memcpy(&request.gsr_source, &from.storage, sizeof request.gsr_source);
    return setsockopt(receiver, IPPROTO_IP, name, &request, sizeof request);
}

/* What of two datagrams is heard: one that may be, and one from elsewhere that always is. */
static void heard(const char *what) {
    char bytes[16];
    struct addr group = ip(group_name, port_of(local_addr(receiver))), direct = loopback(AF_INET, port_of(group));
    must("sendto", send_to(sender, "group", 5, group));
    must("sendto", send_to(sender, "end", 3, direct));
    ssize_t count;
    int hears = 0;
    while ((count = must("recv", recv(receiver, bytes, sizeof bytes, 0))) == 5) hears++;
    printf("%s: %s\n", what, hears == 1 ? "heard" : hears == 0 ? "not heard" : "heard twice");
}

int main(void) {
    receiver = udp(AF_INET), sender = udp_bound(AF_INET);
    must("bind", bind_to(receiver, ip("0.0.0.0", 0)));
    int port = port_of(local_addr(receiver));
    snprintf(group_name, sizeof group_name, "239.255.%d.%d", port >> 8, port & 255);
    struct in_addr lo = {.s_addr = htonl(INADDR_LOOPBACK)};
    must("IP_MULTICAST_IF", setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo));
    heard("before joining");

    show("IP_DROP_SOURCE_MEMBERSHIP", by_name(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1"));
    show("IP_BLOCK_SOURCE", by_name(IP_BLOCK_SOURCE, "127.0.0.1"));
    show("IP_ADD_SOURCE_MEMBERSHIP of another", by_name(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.9"));
    heard("from another only");
    show("IP_ADD_SOURCE_MEMBERSHIP", by_name(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.1"));
    heard("from it too");
    show("once more", by_name(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.1"));
    show("IP_DROP_SOURCE_MEMBERSHIP", by_name(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1"));
    heard("dropped");
    show("once more", by_name(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1"));
    show("of the other", by_name(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.9"));

    show("MCAST_JOIN_SOURCE_GROUP", by_protocol(MCAST_JOIN_SOURCE_GROUP, "127.0.0.1"));
    heard("joined");
    show("MCAST_LEAVE_SOURCE_GROUP", by_protocol(MCAST_LEAVE_SOURCE_GROUP, "127.0.0.1"));
    heard("left");

    struct ip_mreq all = {.imr_interface = lo};
    inet_pton(AF_INET, group_name, &all.imr_multiaddr);
    show("IP_ADD_MEMBERSHIP", setsockopt(receiver, IPPROTO_IP, IP_ADD_MEMBERSHIP, &all, sizeof all));
    heard("from all");
    show("IP_BLOCK_SOURCE", by_name(IP_BLOCK_SOURCE, "127.0.0.1"));
    heard("blocked");
    show("once more", by_name(IP_BLOCK_SOURCE, "127.0.0.1"));
    show("IP_UNBLOCK_SOURCE", by_name(IP_UNBLOCK_SOURCE, "127.0.0.1"));
    heard("unblocked");
    show("MCAST_BLOCK_SOURCE", by_protocol(MCAST_BLOCK_SOURCE, "127.0.0.1"));
    heard("blocked");
    show("MCAST_UNBLOCK_SOURCE", by_protocol(MCAST_UNBLOCK_SOURCE, "127.0.0.1"));
    heard("unblocked");
    show("too short", setsockopt(receiver, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &all, sizeof all));
    return 0;
}
