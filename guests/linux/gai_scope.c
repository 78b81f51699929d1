/* getaddrinfo and getnameinfo of link-local addresses whose scope is an interface's name, a number, or none. */
#include "../c/t.h"
#include "../c/gai.h"

static void scope_of(const char *node, int flags) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list = NULL;
    int error = getaddrinfo(node, "80", &hints, &list);
    if (error != 0) {
        printf("%s: %s\n", node, eai_name(error));
        return;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)list->ai_addr;
    printf("%s: scope %u\n", node, (unsigned)in6->sin6_scope_id);
    freeaddrinfo(list);
}

static void name_of(const char *address, unsigned scope) {
    char host[128];
    struct addr a = ip(address, 80);
    a.in6.sin6_scope_id = scope;
    int error = getnameinfo(&a.sa, a.len, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    printf("%s with scope %u: %s\n", address, scope, error != 0 ? eai_name(error) : host);
}

int main(void) {
    scope_of("fe80::1%lo", 0);
    scope_of("fe80::1%lo", AI_NUMERICHOST);
    scope_of("fe80::1%1", 0);
    scope_of("ff02::1%lo", 0);
    scope_of("fe80::1%guestnet-none", 0);
    scope_of("fe80::1%guestnet-none", AI_NUMERICHOST);
    scope_of("2001:db8::1%lo", AI_NUMERICHOST);
    scope_of("fe80::1%", AI_NUMERICHOST);
    name_of("fe80::1", 1);
    name_of("ff02::1", 1);
    name_of("fe80::1", 1000000007);
    name_of("fe80::1", 0);
    name_of("ff05::1", 1);
    return 0;
}
