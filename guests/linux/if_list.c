/* getifaddrs, if_nameindex, if_nametoindex and if_indextoname: loopback, what every entry has, and names that are none. */
#include "../c/t.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>

static void show_flags(const char *what, unsigned flags) {
    printf("%s:%s%s%s%s%s\n", what, flags & IFF_UP ? " IFF_UP" : "", flags & IFF_LOOPBACK ? " IFF_LOOPBACK" : "",
           flags & IFF_RUNNING ? " IFF_RUNNING" : "", flags & IFF_BROADCAST ? " IFF_BROADCAST" : "",
           flags & IFF_POINTOPOINT ? " IFF_POINTOPOINT" : "");
}

static void show_ip(const char *what, const struct sockaddr *address) {
    struct addr a = {.len = address->sa_family == AF_INET ? sizeof a.in : sizeof a.in6};
    memcpy(&a.sa, address, a.len);
    show_addr(what, a);
    if (address->sa_family == AF_INET6) show("scope", a.in6.sin6_scope_id);
}

int main(void) {
    struct ifaddrs *list = NULL;
    unsigned lo = if_nametoindex("lo");
    show("if_nametoindex lo", lo);
    show("getifaddrs", getifaddrs(&list));
    int complete = 1, in_order = 1, family = 0, links = 0, unknown = 0;
    for (struct ifaddrs *each = list; each != NULL; each = each->ifa_next) {
        static const int order[] = {AF_PACKET, AF_INET, AF_INET6};
        const struct sockaddr *address = each->ifa_addr;
        complete &= address != NULL && each->ifa_name != NULL && strlen(each->ifa_name) < IF_NAMESIZE;
        if (address == NULL) continue;
        unknown += if_nametoindex(each->ifa_name) == 0;
        while (family < 3 && order[family] != address->sa_family) family++;
        in_order &= family < 3;
        if (address->sa_family == AF_PACKET) {
            const struct sockaddr_ll *link = (const struct sockaddr_ll *)(const void *)address;
            links += if_nametoindex(each->ifa_name) == (unsigned)link->sll_ifindex;
        } else {
            complete &= each->ifa_netmask != NULL && each->ifa_netmask->sa_family == address->sa_family;
        }
        if (strcmp(each->ifa_name, "lo") != 0) continue;
        show_flags("lo", each->ifa_flags);
        if (address->sa_family == AF_PACKET) {
            const struct sockaddr_ll *link = (const struct sockaddr_ll *)(const void *)address;
            static const unsigned char zeros[6];
            show("its index", link->sll_ifindex);
            fact("the type of loopback", link->sll_hatype == 772);
            fact("six zeros", link->sll_halen == 6 && memcmp(link->sll_addr, zeros, 6) == 0);
        } else {
            show_ip("an address", address);
            show_ip("its netmask", each->ifa_netmask);
        }
    }
    fact("every entry has a name, an address and its netmask", complete);
    fact("links, then IPv4, then IPv6", in_order);
    show("entries whose name is none", unknown);
    freeifaddrs(list);

    struct if_nameindex *names = if_nameindex();
    int count = 0, matching = 0;
    char name[IF_NAMESIZE];
    for (struct if_nameindex *each = names; each != NULL && each->if_index != 0; each++) {
        count++;
        matching += if_nametoindex(each->if_name) == each->if_index && if_indextoname(each->if_index, name) == name &&
                    strcmp(name, each->if_name) == 0;
        if (each->if_index == lo) printf("if_nameindex: %s\n", each->if_name);
    }
    fact("each name has its index, and each index its name", count > 0 && matching == count);
    fact("as many as links", count == links);
    if_freenameindex(names);

    errno = 0;
    show("no name", if_nametoindex("guestnet-none") == 0 ? -1 : 0);
    errno = 0;
    show("too long a name", if_nametoindex("a-name-that-no-interface-can-have") == 0 ? -1 : 0);
    errno = 0;
    show("the empty name", if_nametoindex("") == 0 ? -1 : 0);
    errno = 0;
    show("no index", if_indextoname(1000000007, name) == NULL ? -1 : 0);
    errno = 0;
    show("index 0", if_indextoname(0, name) == NULL ? -1 : 0);
    return 0;
}
