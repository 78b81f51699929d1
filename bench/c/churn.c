/* churn: connections that come and go, as many as each line of standard input says, and a line when they are done.
 *
 * `own N` connects to itself, `connect PORT N` to a peer, and `accept N` takes connections of a peer, which learns the port first. `lowest`
 * prints the lowest free descriptor. guests/rust has the same program for components. */
#include "bench.h"

static int listening(void) {
    int fd = bound(SOCK_STREAM);
    must("listen", listen(fd, 128));
    return fd;
}

static void put(int fd) {
    if (must("send", send(fd, "a", 1, MSG_NOSIGNAL)) != 1) fail("short send");
}

/* Whether a byte came, and not the end. */
static int take(int fd) {
    char byte;
    return (int)must("recv", recv(fd, &byte, 1, 0));
}

/* Both ends here: a byte each way, and the ends take turns in which is the first to close. */
static void own(uint64_t count) {
    int listener = listening();
    uint16_t port = ntohs(address_of(listener).sin_port);
    for (uint64_t i = 0; i < count; i++) {
        int client = connected(port), server = (int)must("accept", accept(listener, NULL, NULL));
        put(client), take(server), put(server), take(client);
        int first = i % 2 == 0 ? client : server, second = i % 2 == 0 ? server : client;
        must("close", close(first));
        if (take(second) != 0) fail("a byte and no end");
        must("close", close(second));
    }
    must("close", close(listener));
}

/* To a peer that sends back what it reads, to the end. */
static void connect_to(uint16_t port, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        int fd = connected(port);
        put(fd);
        if (take(fd) != 1) fail("no byte came back");
        must("close", close(fd));
    }
}

/* From a peer that sends a byte and reads it again, to the end. */
static void accept_from(uint64_t count) {
    int listener = listening();
    printf("port %d\n", ntohs(address_of(listener).sin_port));
    fflush(stdout);
    for (uint64_t i = 0; i < count; i++) {
        int fd = (int)must("accept", accept(listener, NULL, NULL));
        while (take(fd) == 1) put(fd);
        must("close", close(fd));
    }
    must("close", close(listener));
}

int main(void) {
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned long long first = 0, second = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "own %llu", &first) == 1) {
            own(first);
        } else if (sscanf(line, "connect %llu %llu", &first, &second) == 2) {
            connect_to((uint16_t)first, second);
        } else if (sscanf(line, "accept %llu", &first) == 1) {
            accept_from(first);
        } else if (strcmp(line, "lowest") == 0) {
            int fd = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
            must("close", close(fd));
            printf("lowest %d\n", fd);
        } else {
            fail(line);
        }
        printf("done %s\n", line);
        fflush(stdout);
    }
    return 0;
}
