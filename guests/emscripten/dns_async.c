/* emscripten_dns_lookup_async: a look-up whose descriptor becomes readable, on a later turn of the event loop, also for
 * what is known or wrong at once; emscripten_dns_lookup_result takes what came. */
#include "../c/t.h"
#include <emscripten/threading.h>
#include <guestnet/dns.h>

static const char *gai_name(int error) {
    switch (error) {
    case 0: return "0";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_SERVICE: return "EAI_SERVICE";
    case EAI_FAMILY: return "EAI_FAMILY";
    case EAI_BADFLAGS: return "EAI_BADFLAGS";
    default: return "another error";
    }
}

static void one(const char *node, const char *service, int family, int flags) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list = NULL;
    printf("%s %s\n", node, service);
    int fd = show_fd("start", emscripten_dns_lookup_async(node, service, &hints));
    if (fd < 0) return;
    /* In a thread it may be ready at once. */
    if (emscripten_is_main_runtime_thread())
        printf("before it is ready: %s\n", gai_name(emscripten_dns_lookup_result(fd, &list)));
    wait_readable(fd);
    int error = emscripten_dns_lookup_result(fd, &list);
    printf("result: %s\n", gai_name(error));
    for (struct addrinfo *each = error == 0 ? list : NULL; each != NULL; each = each->ai_next) {
        struct addr a = {.len = each->ai_addrlen};
        memcpy(&a.storage, each->ai_addr, each->ai_addrlen);
        show_addr("address", a);
        fact("port 80", port_of(a) == 80);
    }
    if (error == 0) freeaddrinfo(list);
    show("close", close(fd));
}

int main(void) {
    one("127.0.0.1", "80", AF_INET, 0);
    one("::1", "80", AF_UNSPEC, AI_NUMERICHOST);
    one("not numeric", "80", AF_UNSPEC, AI_NUMERICHOST);
    one("localhost", "80", AF_INET, 0);
    struct addrinfo *list;
    printf("no look-up: %s\n", emscripten_dns_lookup_result(9999, &list) != 0 ? "refused" : "0");
    return 0;
}
