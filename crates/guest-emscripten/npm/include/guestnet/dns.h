/* guestnet/dns.h: getaddrinfo() for a program that must not wait, such as one whose event loop is JavaScript's. */
#ifndef GUESTNET_DNS_H
#define GUESTNET_DNS_H

#include <netdb.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Begins a look-up, with the arguments of getaddrinfo(). Returns a descriptor that becomes readable when there is a result, or a
 * negated errno: -EAGAIN with 64 look-ups under way, -EMFILE without a number left. What is wrong with the arguments is the
 * result. close() the descriptor, also before there is a result. */
int emscripten_dns_lookup_async(const char *node, const char *service, const struct addrinfo *hints);

/* Takes the result of a look-up, once: 0 with a list for freeaddrinfo(), EAI_AGAIN as long as there is none, or another EAI_* for
 * why there is none; EAI_SYSTEM for a descriptor that is no look-up's or whose result was taken. In the turn of the event loop in
 * which the look-up began, it never has a result before poll() or epoll has said so. */
int emscripten_dns_lookup_result(int fd, struct addrinfo **result);

#ifdef __cplusplus
}
#endif

#endif
