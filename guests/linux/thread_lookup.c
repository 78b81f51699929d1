/* getaddrinfo in several threads at once; each has its own list. getaddrinfo(3) is thread-safe. */
#include "threads.h"

static void *look_up(void *argument) {
    struct call *call = argument;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
    call->result = 1;
    for (int i = 0; i < 5; i++) {
        int error = getaddrinfo("localhost", "80", &hints, &list);
        struct sockaddr_in *in = error == 0 ? (struct sockaddr_in *)list->ai_addr : NULL;
        if (in == NULL || ntohl(in->sin_addr.s_addr) != INADDR_LOOPBACK || ntohs(in->sin_port) != 80) call->result = 0;
        if (error == 0) freeaddrinfo(list);
    }
    return NULL;
}

int main(void) {
    struct call calls[4] = {{0}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) threads[i] = start(look_up, &calls[i]);
    for (int i = 0; i < 4; i++) {
        join(threads[i]);
        fact("the loopback address each time", (int)calls[i].result);
    }
    return 0;
}
