/* getservbyname, getprotobyname and their like know what the machine's files have. getservent(3), getprotoent(3). */
#define _GNU_SOURCE
#include "../c/t.h"

static void show_service(const char *what, const struct servent *entry) {
    if (entry == NULL) {
        printf("%s: NULL\n", what);
        return;
    }
    printf("%s: %s %d %s", what, entry->s_name, ntohs((uint16_t)entry->s_port), entry->s_proto);
    for (char **each = entry->s_aliases; *each != NULL; each++) printf(" = %s", *each);
    printf("\n");
}

static void show_protocol(const char *what, const struct protoent *entry) {
    if (entry == NULL) {
        printf("%s: NULL\n", what);
        return;
    }
    printf("%s: %s %d", what, entry->p_name, entry->p_proto);
    for (char **each = entry->p_aliases; *each != NULL; each++) printf(" = %s", *each);
    printf("\n");
}

static void services(void) {
    show_service("http, tcp", getservbyname("http", "tcp"));
    show_service("domain, udp", getservbyname("domain", "udp"));
    show_service("ssh, any", getservbyname("ssh", NULL));
    show_service("an alias", getservbyname("www", "tcp"));
    show_service("in capitals", getservbyname("HTTP", "tcp"));
    show_service("no such service", getservbyname("no-such-service", "tcp"));
    show_service("no name", getservbyname("", "tcp"));
    show_service("another protocol", getservbyname("http", "sctp"));
    show_service("443, tcp", getservbyport(htons(443), "tcp"));
    show_service("53, udp", getservbyport(htons(53), "udp"));
    show_service("53, any", getservbyport(htons(53), NULL));
    show_service("1, udp", getservbyport(htons(1), "udp"));
    char buffer[1024], small[4];
    struct servent entry, *result = NULL;
    show("getservbyname_r", getservbyname_r("http", "tcp", &entry, buffer, sizeof buffer, &result));
    show_service("its result", result);
    show("getservbyport_r", getservbyport_r(htons(80), "tcp", &entry, buffer, sizeof buffer, &result));
    show_service("its result", result);
    show("getservbyname_r of none", getservbyname_r("no-such-service", "tcp", &entry, buffer, sizeof buffer, &result));
    show_service("its result", result);
    fact("ERANGE without room", getservbyname_r("http", "tcp", &entry, small, sizeof small, &result) == ERANGE);
    int count = 0;
    setservent(0);
    for (struct servent *each; (each = getservent()) != NULL; count++)
        if (count < 3) show_service("the next", each);
    printf("%d services\n", count);
    setservent(0);
    show_service("from the beginning", getservent());
    endservent();
}

static void protocols(void) {
    show_protocol("tcp", getprotobyname("tcp"));
    show_protocol("UDP", getprotobyname("UDP"));
    show_protocol("icmp", getprotobyname("icmp"));
    show_protocol("ipv6", getprotobyname("ipv6"));
    show_protocol("Tcp", getprotobyname("Tcp"));
    show_protocol("no such protocol", getprotobyname("no-such-protocol"));
    show_protocol("6", getprotobynumber(6));
    show_protocol("58", getprotobynumber(58));
    show_protocol("0", getprotobynumber(0));
    show_protocol("-1", getprotobynumber(-1));
    show_protocol("100000", getprotobynumber(100000));
    int count = 0;
    setprotoent(0);
    for (struct protoent *each; (each = getprotoent()) != NULL; count++)
        if (count < 3) show_protocol("the next", each);
    printf("%d protocols\n", count);
    endprotoent();
    show_protocol("from the beginning", getprotoent());
}

int main(void) {
    services();
    protocols();
    return 0;
}
