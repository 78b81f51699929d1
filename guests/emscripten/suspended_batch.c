/* recvmmsg with a time limit while main is suspended in it, and the event loop sends. As in Linux the limit ends no wait: it is looked
 * at after each message. */
#include "../c/t.h"
#include <emscripten.h>
#include <stdint.h>

static int pair[2];
static struct mmsghdr messages[3];
static struct iovec parts[3];
static char rooms[3][8];

static void prepare(void) {
    memset(messages, 0, sizeof messages);
    memset(rooms, 0, sizeof rooms);
    for (int i = 0; i < 3; i++) {
        parts[i] = (struct iovec){.iov_base = rooms[i], .iov_len = sizeof rooms[i]};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static int receive(const char *what, unsigned count, int flags, struct timespec *limit) {
    prepare();
    int received = (int)show(what, recvmmsg(pair[1], messages, count, flags, limit));
    for (int i = 0; i < received; i++) show_data("data", (long)messages[i].msg_len, rooms[i]);
    return received;
}

/* One datagram for each letter, and the rest in later turns. */
static void sends_apart(void *letters) {
    const char *text = letters;
    must("send", send(pair[0], text, 1, 0));
    if (text[1] != 0) emscripten_async_call(sends_apart, letters + 1, 1);
}

static void sends_together(void *letters) {
    for (const char *text = letters; *text != 0; text++) must("send", send(pair[0], text, 1, 0));
}

/* The socket that main waits for sends to a port that no socket has, once main has taken what came. */
static void fails(void *unused) {
    int left;
    must("FIONREAD", ioctl(pair[1], FIONREAD, &left));
    if (left != 0) {
        emscripten_async_call(fails, unused, 1);
        return;
    }
    close(pair[0]);
    must("send", send(pair[1], "x", 1, 0));
}

static void sends_and_fails(void *letters) {
    sends_together(letters);
    fails(NULL);
}

/* What is left of 100 s. */
static int is_less(const struct timespec *left) { return left->tv_sec >= 50 && left->tv_sec < 100; }

int main(void) {
    udp_pair(AF_INET, pair);
    struct timespec limit = {.tv_sec = 100, .tv_nsec = 7};
    emscripten_async_call(sends_apart, "abc", 1);
    receive("three that come apart", 3, 0, &limit);
    fact("the time that passed is gone", is_less(&limit));

    limit = (struct timespec){.tv_nsec = 1};
    emscripten_async_call(sends_together, "de", 1);
    receive("the time is over when the first comes", 2, 0, &limit);
    fact("and nothing is left", limit.tv_sec == 0 && limit.tv_nsec == 0);
    receive("the second", 2, MSG_DONTWAIT, NULL);

    limit = (struct timespec){.tv_sec = 100, .tv_nsec = 7};
    emscripten_async_call(sends_together, "fg", 1);
    receive("MSG_WAITFORONE", 3, MSG_WAITFORONE, &limit);
    fact("the time that passed is gone", is_less(&limit));

    struct timeval wait = {.tv_usec = 20000};
    must("setsockopt", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
    limit = (struct timespec){.tv_sec = 100, .tv_nsec = 7};
    receive("SO_RCVTIMEO ends the wait", 3, 0, &limit);
    fact("the limit is as it was", limit.tv_sec == 100 && limit.tv_nsec == 7);
    emscripten_async_call(sends_together, "h", 1);
    receive("and the wait for the second", 3, 0, &limit);
    fact("the time of the first is gone", is_less(&limit));
    wait = (struct timeval){0, 0};
    must("setsockopt", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));

    emscripten_async_call(sends_and_fails, "i", 1);
    receive("an error ends the wait for the second", 3, 0, &limit);
    receive("and is the next call's", 3, 0, &limit);
    return 0;
}
