/* getservbyname, getservbyport and their _r forms know what getaddrinfo and getnameinfo know. getservent(3). */
#define _GNU_SOURCE
#include "../c/t.h"

static void show_service(const char *what, const struct servent *entry) {
    if (entry == NULL) printf("%s: NULL\n", what);
    else printf("%s: %s %d %s\n", what, entry->s_name, ntohs((uint16_t)entry->s_port), entry->s_proto);
}

int main(void) {
    show_service("http, tcp", getservbyname("http", "tcp"));
    show_service("domain, udp", getservbyname("domain", "udp"));
    show_service("ssh, any", getservbyname("ssh", NULL));
    show_service("no such service", getservbyname("no-such-service", "tcp"));
    show_service("another protocol", getservbyname("http", "sctp"));
    show_service("443, tcp", getservbyport(htons(443), "tcp"));
    show_service("53, udp", getservbyport(htons(53), "udp"));
    show_service("1, udp", getservbyport(htons(1), "udp"));
    char buffer[1024];
    struct servent entry, *result = NULL;
    show("getservbyname_r", getservbyname_r("http", "tcp", &entry, buffer, sizeof buffer, &result));
    show_service("its result", result);
    show("getservbyport_r", getservbyport_r(htons(80), "tcp", &entry, buffer, sizeof buffer, &result));
    show_service("its result", result);
    return 0;
}
