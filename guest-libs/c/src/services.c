/* getservbyname over the host's look-up; getprotobyname and getprotobynumber from a list of the protocols that a guest
 * can use. getservbyport finds nothing: no ABI has a look-up from port to name. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static char *no_aliases[1];

struct servent *getservbyname(const char *name, const char *protocol) {
    static struct servent entry;
    static char names[2][64];
    bool udp = protocol != NULL && strcmp(protocol, "udp") == 0;
    if (protocol != NULL && !udp && strcmp(protocol, "tcp") != 0) return NULL;
    if (*name >= '0' && *name <= '9') return NULL; /* a number is no name */
    struct addrinfo hints = {
        .ai_family = AF_INET, .ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found;
    if (getaddrinfo("127.0.0.1", name, &hints, &found) != 0) return NULL;
    snprintf(names[0], sizeof names[0], "%s", name);
    snprintf(names[1], sizeof names[1], "%s", udp ? "udp" : "tcp");
    entry = (struct servent){
        .s_name = names[0],
        .s_aliases = no_aliases,
        .s_port = ((struct sockaddr_in *)found->ai_addr)->sin_port,
        .s_proto = names[1],
    };
    freeaddrinfo(found);
    return &entry;
}

struct servent *getservbyport(int port, const char *protocol) {
    (void)port, (void)protocol;
    return NULL;
}

static struct protoent protocols[] = {
    {(char *)"ip", no_aliases, IPPROTO_IP},
    {(char *)"icmp", no_aliases, IPPROTO_ICMP},
    {(char *)"tcp", no_aliases, IPPROTO_TCP},
    {(char *)"udp", no_aliases, IPPROTO_UDP},
    {(char *)"ipv6", no_aliases, IPPROTO_IPV6},
};
#define PROTOCOL_COUNT (sizeof protocols / sizeof *protocols)

struct protoent *getprotobyname(const char *name) {
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (strcmp(protocols[i].p_name, name) == 0) return &protocols[i];
    return NULL;
}

struct protoent *getprotobynumber(int number) {
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (protocols[i].p_proto == number) return &protocols[i];
    return NULL;
}
