/* close with SO_LINGER waits for the peer in the thread that closes, and holds up no other. socket(7). */
#include "threads.h"

static atomic_int done;

static void *close_it(void *argument) {
    close(*(int *)argument);
    atomic_store(&done, 1);
    return NULL;
}

static void *copy_over_it(void *argument) {
    int null = open("/dev/null", O_RDONLY);
    dup2(null, *(int *)argument);
    close(null);
    atomic_store(&done, 1);
    return NULL;
}

static void closes(const char *how, void *(*run)(void *)) {
    int pair[2], listener = tcp_listener(AF_INET), small = 4096;
    static char bytes[4096];
    printf("%s\n", how);
    must("SO_RCVBUF", setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
    pair[0] = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    must("connect", connect_to(pair[0], local_addr(listener)));
    pair[1] = (int)must("accept", accept(listener, NULL, NULL));
    /* More than the peer has room for. */
    while (send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    struct linger linger = {.l_onoff = 1, .l_linger = 60};
    must("SO_LINGER", setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    atomic_store(&done, 0);
    pthread_t thread = start(run, &pair[0]);
    /* The descriptor is free at once, and the thread waits. */
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    long begin = now_ms();
    while (getsockname(pair[0], (struct sockaddr *)&name, &len) == 0 && now_ms() - begin < T_TIMEOUT_MS)
        (void)revents_now(listener, POLLIN, 1);
    fact("it is closed", now_ms() - begin < T_TIMEOUT_MS);
    int opened = 0;
    for (int i = 0; i < 50; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        opened += fd >= 0 && close(fd) == 0;
    }
    show("others open and close", opened);
    fact("and the thread waits still", !atomic_load(&done));
    fact("in time", now_ms() - begin < 2 * T_TIMEOUT_MS);
    while (recv(pair[1], bytes, sizeof bytes, 0) > 0) {
    }
    join(thread);
    fact("until the peer has everything", atomic_load(&done));
    close(pair[1]);
    close(listener);
}

int main(void) {
    closes("close", close_it);
    closes("dup2", copy_over_it);
    return 0;
}
