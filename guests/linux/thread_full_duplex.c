/* One socket, sent on by one thread and received from by another at once, far beyond what its buffers hold. */
#include "threads.h"

#define BYTES (4u << 20)

static int pair[2];

static void *echo(void *unused) {
    static char buffer[65536];
    ssize_t count;
    while ((count = must("recv", recv(pair[1], buffer, sizeof buffer, 0))) > 0)
        for (ssize_t done = 0; done < count;)
            done += must("send", send(pair[1], buffer + done, (size_t)(count - done), MSG_NOSIGNAL));
    must("shutdown", shutdown(pair[1], SHUT_WR));
    return unused;
}

static void *sends(void *unused) {
    static unsigned char chunk[30000];
    for (size_t sent = 0; sent < BYTES;) {
        size_t size = BYTES - sent < sizeof chunk ? BYTES - sent : sizeof chunk;
        for (size_t i = 0; i < size; i++) chunk[i] = pattern(sent + i);
        for (size_t done = 0; done < size;)
            done += (size_t)must("send", send(pair[0], chunk + done, size - done, MSG_NOSIGNAL));
        sent += size;
    }
    must("shutdown", shutdown(pair[0], SHUT_WR));
    return unused;
}

int main(void) {
    static unsigned char buffer[50000];
    tcp_pair(AF_INET, pair);
    pthread_t other = start(echo, NULL), sender = start(sends, NULL);
    size_t total = 0;
    int right = 1;
    ssize_t count;
    while ((count = must("recv", recv(pair[0], buffer, sizeof buffer, 0))) > 0) {
        for (ssize_t i = 0; i < count; i++) right &= buffer[i] == pattern(total + (size_t)i);
        total += (size_t)count;
    }
    join(sender);
    join(other);
    show("bytes", (long)total);
    fact("each of them right", right);
    return 0;
}
