/* resp: a server of a few commands of Redis (PING, GET, SET and SHUTDOWN), one thread with epoll(7). redis-benchmark measures it.
 *
 * Prints its port. SHUTDOWN closes every connection, prints `lowest A B`, the lowest free descriptor before the first connection and after the
 * last, and ends the program. */
#include "bench.h"

#include <strings.h>
#include <sys/epoll.h>

#define SLOTS 1024 /* keys, of which each has a place of its own */
#define KEY 64
#define VALUE 256
#define ARGUMENTS 8
#define EVENTS 128

struct client {
    size_t length;
    char data[1024];
};

struct text {
    const char *start;
    size_t length;
};

static struct {
    size_t key_length, value_length;
    char key[KEY], value[VALUE];
} slots[SLOTS];

static struct client **clients;
static size_t room;
static int epoll, stopping;
BUFFER replies[65536];
static size_t replied;

static int lowest(void) {
    int fd = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    must("close", close(fd));
    return fd;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static void leave(int fd) {
    free(clients[fd]);
    clients[fd] = NULL;
    must("close", close(fd));
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno == EAGAIN) return;
        /* A connection that its peer has reset before is none. */
        if (fd < 0 && errno == ECONNABORTED) continue;
        must("accept", fd);
        must("O_NONBLOCK", fcntl(fd, F_SETFL, O_NONBLOCK));
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        while ((size_t)fd >= room) {
            size_t more = room == 0 ? 64 : 2 * room;
            clients = realloc(clients, more * sizeof *clients);
            if (clients == NULL) fail("realloc");
            memset(clients + room, 0, (more - room) * sizeof *clients);
            room = more;
        }
        clients[fd] = calloc(1, sizeof **clients);
        if (clients[fd] == NULL) fail("calloc");
        watch(fd);
    }
}

static void reply(const char *text, size_t length) {
    if (length > sizeof replies - replied) fail("too many replies");
    memcpy(replies + replied, text, length);
    replied += length;
}

static void say(const char *text) {
    reply(text, strlen(text));
}

static int is(struct text word, const char *name) {
    return word.length == strlen(name) && strncasecmp(word.start, name, word.length) == 0;
}

static size_t slot_of(struct text key) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.length; i++) hash = (hash ^ (unsigned char)key.start[i]) * 16777619u;
    return hash % SLOTS;
}

static void get(struct text key) {
    size_t slot = slot_of(key);
    char length[32];
    if (slots[slot].key_length != key.length || memcmp(slots[slot].key, key.start, key.length) != 0) {
        say("$-1\r\n");
        return;
    }
    snprintf(length, sizeof length, "$%zu\r\n", slots[slot].value_length);
    say(length);
    reply(slots[slot].value, slots[slot].value_length);
    say("\r\n");
}

static void set(struct text key, struct text value) {
    if (key.length > KEY || value.length > VALUE) {
        say("-ERR too long\r\n");
        return;
    }
    size_t slot = slot_of(key);
    memcpy(slots[slot].key, key.start, slots[slot].key_length = key.length);
    memcpy(slots[slot].value, value.start, slots[slot].value_length = value.length);
    say("+OK\r\n");
}

static void command(const struct text *words, size_t count) {
    if (count == 0) return;
    if (is(words[0], "PING")) {
        say("+PONG\r\n");
    } else if (is(words[0], "GET") && count == 2) {
        get(words[1]);
    } else if (is(words[0], "SET") && count == 3) {
        set(words[1], words[2]);
    } else if (is(words[0], "SHUTDOWN")) {
        stopping = 1;
    } else {
        say("-ERR unknown command\r\n");
    }
}

/* The end of the line that begins here, or NULL. */
static const char *line_end(const char *at, const char *end) {
    const char *found = memchr(at, '\r', (size_t)(end - at));
    return found != NULL && found + 1 < end ? found : NULL;
}

/* Reads one command: the bytes that it has, 0 when it is not complete, -1 when it is none. */
static long parse(const char *data, size_t length, struct text *words, size_t *count) {
    const char *at = data, *end = data + length, *line = line_end(at, end);
    *count = 0;
    if (line == NULL) return 0;
    if (*at != '*') {
        words[(*count)++] = (struct text){at, (size_t)(line - at)};
        return line + 2 - data;
    }
    long all = strtol(at + 1, NULL, 10);
    at = line + 2;
    if (all < 0 || all > ARGUMENTS) return -1;
    while ((long)*count < all) {
        if (at < end && *at != '$') return -1;
        line = at < end ? line_end(at, end) : NULL;
        if (line == NULL) return 0;
        long size = strtol(at + 1, NULL, 10);
        at = line + 2;
        if (size < 0 || size > VALUE) return -1;
        if (end - at < size + 2) return 0;
        words[(*count)++] = (struct text){at, (size_t)size};
        at += size + 2;
    }
    return at - data;
}

/* Whether the connection goes on. */
static int serve(int fd) {
    struct client *client = clients[fd];
    ssize_t done = recv(fd, client->data + client->length, sizeof client->data - client->length, 0);
    if (done < 0 && errno == EAGAIN) return 1;
    if (done <= 0) return 0;
    client->length += (size_t)done;
    size_t taken = 0;
    replied = 0;
    while (taken < client->length) {
        struct text words[ARGUMENTS];
        size_t count;
        long used = parse(client->data + taken, client->length - taken, words, &count);
        if (used < 0) return 0;
        if (used == 0) break;
        command(words, count);
        taken += (size_t)used;
    }
    client->length -= taken;
    memmove(client->data, client->data + taken, client->length);
    if (client->length == sizeof client->data) return 0;
    /* Replies are short, and a client that does not read them is one that is closed. */
    return replied == 0 || send(fd, replies, replied, MSG_NOSIGNAL) == (ssize_t)replied;
}

int main(void) {
    int before = lowest(), listener = bound(SOCK_STREAM);
    must("listen", listen(listener, 1024));
    must("O_NONBLOCK", fcntl(listener, F_SETFL, O_NONBLOCK));
    epoll = (int)must("epoll_create1", epoll_create1(0));
    watch(listener);
    announce(listener);
    while (!stopping) {
        struct epoll_event events[EVENTS];
        int count = (int)must("epoll_wait", epoll_wait(epoll, events, EVENTS, -1));
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener);
            else if (!serve(fd)) leave(fd);
        }
    }
    for (size_t fd = 0; fd < room; fd++)
        if (clients[fd] != NULL) leave((int)fd);
    must("close", close(epoll));
    must("close", close(listener));
    printf("lowest %d %d\n", before, lowest());
    return 0;
}
