/* getaddrinfo and gethostbyname of numbers in a callback, where a program that is linked with JSPI cannot suspend. */
#include "../c/t.h"
#include "../c/gai.h"
#include <emscripten.h>

static void one(const char *what, const char *node) {
    struct addrinfo *list = NULL;
    if (show_eai(what, getaddrinfo(node, "80", NULL, &list)) == 0) freeaddrinfo(list);
}

static void called(void *data) {
    (void)data;
    one("127.0.0.1", "127.0.0.1");
    one("::1", "::1");
    one("no node", NULL);
    one("no host", "::x");
    struct hostent *host = gethostbyname("127.0.0.1");
    printf("gethostbyname: %s\n", host == NULL ? "NULL" : inet_ntoa(*(struct in_addr *)(void *)host->h_addr_list[0]));
    emscripten_force_exit(0);
}

int main(void) {
    emscripten_async_call(called, NULL, 0);
    emscripten_exit_with_live_runtime();
}
