/* netdevice(7): SIOCGIFCONF and the requests about one interface, on sockets of every family; interfaces that are none. */
#include "../c/t.h"

#include <net/if.h>

static const struct {
    unsigned long number;
    const char *name;
} requests[] = {{SIOCGIFINDEX, "SIOCGIFINDEX"},     {SIOCGIFFLAGS, "SIOCGIFFLAGS"},     {SIOCGIFADDR, "SIOCGIFADDR"},
                {SIOCGIFDSTADDR, "SIOCGIFDSTADDR"}, {SIOCGIFBRDADDR, "SIOCGIFBRDADDR"}, {SIOCGIFNETMASK, "SIOCGIFNETMASK"},
                {SIOCGIFMETRIC, "SIOCGIFMETRIC"},   {SIOCGIFMTU, "SIOCGIFMTU"},         {SIOCGIFHWADDR, "SIOCGIFHWADDR"}};

static void ask(int fd, const char *interface) {
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct ifreq r;
        char text[INET_ADDRSTRLEN];
        memset(&r, 0, sizeof r);
        strncpy(r.ifr_name, interface, IFNAMSIZ);
        if (ioctl(fd, (int)requests[i].number, &r) != 0) {
            show(requests[i].name, -1);
            continue;
        }
        switch (requests[i].number) {
            case SIOCGIFFLAGS:
                printf("SIOCGIFFLAGS:%s%s%s\n", r.ifr_flags & IFF_UP ? " up" : "", r.ifr_flags & IFF_LOOPBACK ? " loopback" : "",
                       r.ifr_flags & IFF_RUNNING ? " running" : "");
                break;
            case SIOCGIFINDEX:
            case SIOCGIFMETRIC:
            case SIOCGIFMTU:
                show(requests[i].name, r.ifr_ifindex);
                break;
            case SIOCGIFHWADDR: {
                static const char zeros[6];
                printf("SIOCGIFHWADDR: %d%s\n", r.ifr_hwaddr.sa_family, memcmp(r.ifr_hwaddr.sa_data, zeros, 6) ? "" : " zeros");
                break;
            }
            default: {
                const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&r.ifr_addr;
                printf("%s: %d %s\n", requests[i].name, in->sin_family, inet_ntop(AF_INET, &in->sin_addr, text, sizeof text));
            }
        }
    }
}

static void name_of(int fd, int index) {
    struct ifreq r;
    memset(&r, 0, sizeof r);
    r.ifr_ifindex = index;
    if (show("SIOCGIFNAME", ioctl(fd, SIOCGIFNAME, &r)) == 0) printf("name: %s\n", r.ifr_name);
}

int main(void) {
    int fd = udp(AF_INET);
    printf("IPv4\n");
    ask(fd, "lo");
    name_of(fd, 1);
    printf("a label\n");
    ask(fd, "lo:");
    printf("none\n");
    ask(fd, "guestnet-none");
    name_of(fd, 1000000007);
    printf("IPv6\n");
    ask(udp(AF_INET6), "lo");
    printf("UNIX\n");
    ask(tcp(AF_UNIX), "lo");
    name_of(tcp(AF_UNIX), 1);

    struct ifreq list[256];
    struct ifconf conf = {.ifc_len = 0};
    conf.ifc_req = NULL;
    show("SIOCGIFCONF without a buffer", ioctl(fd, SIOCGIFCONF, &conf));
    int need = conf.ifc_len;
    fact("some", need > 0 && need % (int)sizeof *list == 0);
    conf.ifc_len = sizeof list;
    conf.ifc_req = list;
    show("SIOCGIFCONF", ioctl(fd, SIOCGIFCONF, &conf));
    fact("as many as were announced", conf.ifc_len == need);
    for (int i = 0; i < conf.ifc_len / (int)sizeof *list; i++) {
        char text[INET_ADDRSTRLEN];
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&list[i].ifr_addr;
        if (strcmp(list[i].ifr_name, "lo") == 0)
            printf("lo: %d %s\n", in->sin_family, inet_ntop(AF_INET, &in->sin_addr, text, sizeof text));
    }
    conf.ifc_len = sizeof *list + 1;
    show("with room for one", ioctl(fd, SIOCGIFCONF, &conf));
    fact("one", conf.ifc_len == (int)sizeof *list);
    conf.ifc_len = sizeof *list - 1;
    show("with room for less than one", ioctl(fd, SIOCGIFCONF, &conf));
    show("length", conf.ifc_len);
    conf.ifc_len = -1;
    show("with a negative length", ioctl(fd, SIOCGIFCONF, &conf));
    show("length", conf.ifc_len);
    show("a pointer to nothing", ioctl(fd, SIOCGIFCONF, NULL));
    show("likewise", ioctl(fd, SIOCGIFINDEX, NULL));
    struct ifreq r;
    memset(&r, 0, sizeof r);
    int ends[2];
    must("pipe", pipe(ends));
    show("a pipe", ioctl(ends[0], SIOCGIFINDEX, &r));
    return 0;
}
