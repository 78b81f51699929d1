/* attack_reach: tries to reach a destination by every call of every ABI that takes one, in every encoding that the call
 * takes. Prints one line an attempt: the way, the destination, the errno.
 *
 *   attack_reach PORT ADDRESS...                   TCP connect, UDP connect, sendto
 *   attack_reach --after ALLOWED PORT ADDRESS...   sendto on a socket connected to 127.0.0.1:ALLOWED, among datagrams to it
 *   attack_reach --names PORT NAME...              looks NAME up by both ABIs and reaches for what comes
 *
 * PORT goes into the call as the number that it is, also above 65535. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

#include "attack_reach.h"

static void after(u allowed, u port, const char *text) {
    struct target peer = target("127.0.0.1", allowed);
    u fd = opened(0, WE_DGRAM), sent = 0;
    report("connect to the peer", we_connect(fd, narrow(&peer), allowed));
    report("send", p1_send(fd, header(P("first"), 5), 1, 0, P(&sent)));
    send_all(fd, "connected, ", text, port);
    report("sendto the peer", we_send_to(fd, header(P("second"), 6), 1, narrow(&peer), allowed, 0, P(&sent)));
    /* The association dissolved, the socket keeps its port. */
    unsigned char no_peer[128] = {0};
    report("connect to AF_UNSPEC", we_connect(fd, header(P(no_peer), 128), 0));
    send_all(fd, "dissolved, ", text, port);
    report("sendto the peer", wamr_send_to(fd, header(P("third"), 5), 1, 0, P(peer.wamr), P(&sent)));
    p1_close(fd);
}

static void by_name(const char *name, u port) {
    char service[16], text[64], way[96];
    u count = 0, error;
    snprintf(service, sizeof service, "%lu", (unsigned long)port);
    error = look_we(name, (u)strlen(name) + 1, service, &count);
    printf("sock_getaddrinfo %s: %s\n", name, error >= 77 ? "EAI" : named(error));
    if (error == 0 && fact("it found something", count > 0)) {
        node_text(0, text);
        snprintf(way, sizeof way, "%s is %s", name, text);
        reach(text, (u)(nodes[0].data[0] << 8 | nodes[0].data[1]));
        printf("%s\n", way);
    }
    unsigned char infos[8][28], any[12] = {0};
    u total = 0;
    error = wamr_resolve(P(name), P(service), P(any), P(infos), 8, P(&total));
    printf("sock_addr_resolve %s: %s\n", name, named(error));
    if (error == 0) {
        u fd = opened(infos[0][0] == 1, WE_STREAM);
        line("WAMR TCP connect", name, wamr_connect(fd, P(infos[0])));
        p1_close(fd);
    }
}

int main(int argc, char **argv) {
    int names = argc > 1 && strcmp(argv[1], "--names") == 0;
    if (argc > 4 && strcmp(argv[1], "--after") == 0) {
        for (int i = 4; i < argc; i++)
            after((u)strtoul(argv[2], NULL, 0), (u)strtoul(argv[3], NULL, 0), argv[i]);
        return 0;
    }
    int first = names ? 2 : 1;
    for (int i = first + 1; i < argc; i++) {
        u port = (u)strtoul(argv[first], NULL, 0);
        if (names)
            by_name(argv[i], port);
        else
            reach(argv[i], port);
    }
    return 0;
}

#endif
