/* Looking names up: the host's sock_getaddrinfo, as getaddrinfo and the older functions use it. */
#ifndef GUESTNET_LOOKUP_H
#define GUESTNET_LOOKUP_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>

#define GN_RESULTS_MAX 48 /* addresses of one look-up; what a host has beyond that is lost */
#define GN_CANONNAME_BYTES 256

struct gn_found {
    int family;
    uint8_t octets[16];
    uint32_t scope;
};

struct gn_results {
    size_t count;
    uint16_t port; /* host order; of the first result */
    struct gn_found found[GN_RESULTS_MAX];
    char canonname[GN_CANONNAME_BYTES]; /* empty when it was not asked for or not known */
};

/* Asks the host for `node` (NULL: none) and `service` (NULL: none) with AI_* flags, a family and SOCK_* type, 0 for
 * any. Each address comes once. Gives 0 or EAI_*, errno set with EAI_SYSTEM. */
int __gn_lookup(const char *node, const char *service, int flags, int family, int type, struct gn_results *);

#endif
