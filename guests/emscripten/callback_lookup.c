/* Look-ups in a callback, where a program that is linked with JSPI cannot suspend: what needs no resolver is answered, the rest is
 * EAI_AGAIN, and is known when the resolver has answered all the same.
 *
 * The arguments: a name that main looks up before, a name of the hosts file, and a name that is in neither. */
#include "../c/t.h"
#include "../c/gai.h"
#include <emscripten.h>

static char **names;

static int one(const char *what, const char *node) {
    struct addrinfo *list = NULL;
    int error = show_eai(what, getaddrinfo(node, "80", NULL, &list));
    if (error == 0) freeaddrinfo(list);
    return error;
}

/* Until the resolver has answered. */
static void again(void *data) {
    struct addrinfo *list = NULL;
    int error = getaddrinfo(names[3], "80", NULL, &list);
    if (error == EAI_AGAIN) {
        emscripten_async_call(again, data, 1);
        return;
    }
    show_eai("later", error);
    if (error == 0) freeaddrinfo(list);
    emscripten_force_exit(0);
}

static void called(void *data) {
    one("127.0.0.1", "127.0.0.1");
    one("::1", "::1");
    one("no node", NULL);
    one("no host", "::x");
    one("localhost", "localhost");
    one("looked up before", names[1]);
    one("in the hosts file", names[2]);
    one("neither", names[3]);
    struct hostent *host = gethostbyname("127.0.0.1");
    printf("gethostbyname: %s\n", host == NULL ? "NULL" : inet_ntoa(*(struct in_addr *)(void *)host->h_addr_list[0]));
    printf("gethostbyname: %s\n", gethostbyname("other.example") != NULL ? "found" : h_errno == TRY_AGAIN ? "TRY_AGAIN" : "?");
    again(data);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    names = argv;
    one("in main", names[1]);
    emscripten_async_call(called, NULL, 0);
    emscripten_exit_with_live_runtime();
}
