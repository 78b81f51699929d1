/* interface.c: the lists of interfaces, which Emscripten's C library asks a netlink socket for: getifaddrs() and if_nameindex().
 * The npm package has it as an object, which guestnet-emcc names; what is not called is not linked.
 *
 * if_nametoindex() and if_indextoname() are the C library's, over ioctl(). Not here: which interfaces there are to be seen. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What guestnet_interfaces() writes: interfaces, each with its addresses behind it. crates/guest-emscripten/src/interface.rs. */
struct interface {
    char name[IF_NAMESIZE];
    uint32_t index, flags, mtu, count;
};
struct address {
    uint32_t family, prefix, scope, has_broadcast;
    uint8_t ip[16], broadcast[4];
};

/* The import of libguestnet.js: how many bytes the list has, which is written if there is room for it; or a negated errno. */
int guestnet_interfaces(void *list, size_t room);

/* The list, to be freed, and where it ends; NULL with errno. It may grow between two calls. */
static char *read_list(char **end) {
    int room = 0;
    for (;;) {
        char *list = (char *)malloc(room == 0 ? 1 : (size_t)room);
        if (list == NULL) return NULL;
        int size = guestnet_interfaces(list, (size_t)room);
        if (size >= 0 && size <= room) {
            *end = list + size;
            return list;
        }
        free(list);
        if (size < 0) {
            errno = -size;
            return NULL;
        }
        room = size;
    }
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_ll link;
};

/* One block of an answer: freeifaddrs() frees each. */
struct entry {
    struct ifaddrs head;
    union any_address address, netmask, other;
    char name[IF_NAMESIZE];
};

static void set_address(union any_address *to, const struct address *from, const uint8_t *octets) {
    to->any.sa_family = (sa_family_t)from->family;
    if (from->family == AF_INET) {
        memcpy(&to->in.sin_addr, octets, 4);
    } else {
        memcpy(&to->in6.sin6_addr, octets, 16);
        to->in6.sin6_scope_id = from->scope;
    }
}

static struct entry *entry_of(const struct interface *interface) {
    struct entry *entry = (struct entry *)calloc(1, sizeof *entry);
    if (entry == NULL) return NULL;
    memcpy(entry->name, interface->name, sizeof entry->name);
    entry->head.ifa_name = entry->name;
    entry->head.ifa_flags = interface->flags;
    entry->head.ifa_addr = &entry->address.any;
    return entry;
}

/* The interface itself. Its link address is not to be known: loopback has zeros, and others have none. */
static struct entry *link_entry(const struct interface *interface) {
    struct entry *entry = entry_of(interface);
    if (entry == NULL) return NULL;
    int loopback = (interface->flags & IFF_LOOPBACK) != 0;
    entry->address.link.sll_family = AF_PACKET;
    entry->address.link.sll_ifindex = (int)interface->index;
    entry->address.link.sll_hatype = loopback ? ARPHRD_LOOPBACK : ARPHRD_VOID;
    entry->address.link.sll_halen = loopback ? 6 : 0;
    return entry;
}

static struct entry *address_entry(const struct interface *interface, const struct address *address) {
    struct entry *entry = entry_of(interface);
    uint8_t mask[16];
    if (entry == NULL) return NULL;
    set_address(&entry->address, address, address->ip);
    memset(mask, 0, sizeof mask);
    for (uint32_t bit = 0; bit < address->prefix && bit < 128; bit++) mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    set_address(&entry->netmask, address, mask);
    if (address->family == AF_INET6) entry->netmask.in6.sin6_scope_id = 0;
    entry->head.ifa_netmask = &entry->netmask.any;
    if (address->has_broadcast) {
        set_address(&entry->other, address, address->broadcast);
        entry->head.ifa_broadaddr = &entry->other.any;
    }
    return entry;
}

void freeifaddrs(struct ifaddrs *list) {
    while (list != NULL) {
        struct ifaddrs *next = list->ifa_next;
        free(list);
        list = next;
    }
}

/* As in Linux the interfaces come first, then the addresses of IPv4 and then those of IPv6. */
int getifaddrs(struct ifaddrs **result) {
    static const uint32_t families[] = {AF_PACKET, AF_INET, AF_INET6};
    char *end, *list = read_list(&end);
    struct ifaddrs *first = NULL, **last = &first;
    if (list == NULL) return -1;
    for (size_t turn = 0; turn < sizeof families / sizeof *families; turn++) {
        const struct interface *interface;
        for (const char *at = list; at < end; at += sizeof *interface + interface->count * sizeof(struct address)) {
            interface = (const struct interface *)(const void *)at;
            const struct address *addresses = (const struct address *)(const void *)(at + sizeof *interface);
            for (uint32_t i = 0; i < (turn == 0 ? 1 : interface->count); i++) {
                if (turn != 0 && addresses[i].family != families[turn]) continue;
                struct entry *entry = turn == 0 ? link_entry(interface) : address_entry(interface, &addresses[i]);
                if (entry == NULL) {
                    free(list);
                    freeifaddrs(first);
                    errno = ENOMEM;
                    return -1;
                }
                *last = &entry->head;
                last = &entry->head.ifa_next;
            }
        }
    }
    free(list);
    *result = first;
    return 0;
}

/* One block, as the C library's if_freenameindex() frees it. */
struct if_nameindex *if_nameindex(void) {
    char *end, *list = read_list(&end);
    size_t count = 0;
    const struct interface *interface;
    if (list == NULL) return NULL;
    for (const char *at = list; at < end; at += sizeof *interface + interface->count * sizeof(struct address), count++)
        interface = (const struct interface *)(const void *)at;
    struct if_nameindex *names =
        (struct if_nameindex *)calloc(1, (count + 1) * sizeof(struct if_nameindex) + count * IF_NAMESIZE);
    if (names == NULL) {
        free(list);
        errno = ENOBUFS;
        return NULL;
    }
    char *text = (char *)(names + count + 1);
    size_t each = 0;
    for (const char *at = list; at < end; at += sizeof *interface + interface->count * sizeof(struct address), each++) {
        interface = (const struct interface *)(const void *)at;
        memcpy(text, interface->name, IF_NAMESIZE);
        names[each].if_index = interface->index;
        names[each].if_name = text;
        text += IF_NAMESIZE;
    }
    free(list);
    return names;
}
