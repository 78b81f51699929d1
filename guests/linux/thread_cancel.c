/* pthread_cancel of a thread that waits in a call on a socket, or is about to make one. pthreads(7), "Cancellation points". */
#include "threads.h"

static int pair[2], listener, cleaned;

/* A thread says that it is on its way into its call. */
static atomic_int on_its_way;

static void clean(void *argument) {
    (void)argument;
    cleaned++;
}

static void *in_recv(void *unused) {
    char byte;
    pthread_cleanup_push(clean, NULL);
    atomic_store(&on_its_way, 1);
    recv(pair[0], &byte, 1, 0);
    pthread_cleanup_pop(1);
    return unused;
}

static void *in_read(void *unused) {
    char byte;
    atomic_store(&on_its_way, 1);
    (void)!read(pair[0], &byte, 1);
    return unused;
}

static void *in_recvmsg(void *unused) {
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    atomic_store(&on_its_way, 1);
    recvmsg(pair[0], &message, 0);
    return unused;
}

static void *in_accept(void *unused) {
    atomic_store(&on_its_way, 1);
    accept(listener, NULL, NULL);
    return unused;
}

static void *in_poll(void *unused) {
    struct pollfd both[2] = {{.fd = pair[0], .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    atomic_store(&on_its_way, 1);
    poll(both, 2, -1);
    return unused;
}

static void *in_send(void *unused) {
    static char bytes[65536];
    atomic_store(&on_its_way, 1);
    while (send(pair[0], bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
    }
    return unused;
}

/* Never waits: there is always something. */
static void *busy(void *unused) {
    char byte;
    atomic_store(&on_its_way, 1);
    for (;;) recv(pair[1], &byte, 1, MSG_PEEK);
    return unused;
}

static void cancelled(const char *what, void *(*run)(void *)) {
    void *result = NULL;
    atomic_store(&on_its_way, 0);
    pthread_t thread = start(run, NULL);
    while (!atomic_load(&on_its_way)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    show("pthread_cancel", pthread_cancel(thread));
    show("pthread_join", pthread_join(thread, &result));
    fact(what, result == PTHREAD_CANCELED);
}

/* One that does not want to be cancelled now: the call goes on, and the next one ends it. */
static atomic_int received;

static void *unwilling(void *unused) {
    char byte;
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    atomic_store(&on_its_way, 1);
    atomic_store(&received, recv(pair[0], &byte, 1, 0) == 1);
    pthread_setcancelstate(old, NULL);
    recv(pair[0], &byte, 1, 0);
    return unused;
}

/* Two that are cancelled, and only then do what cannot end them or must not leave a lock behind. */
static atomic_int is_cancelled, outlived;

static void await_cancel(void) {
    atomic_store(&on_its_way, 1);
    while (!atomic_load(&is_cancelled)) {
    }
}

/* getsockopt is no cancellation point, however often it is called. */
static void *in_getsockopt(void *unused) {
    await_cancel();
    for (long end = now_ms() + 100; now_ms() < end;) {
        int type;
        socklen_t len = sizeof type;
        getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &len);
    }
    atomic_store(&outlived, 1);
    char byte;
    recv(pair[0], &byte, 1, 0);
    return unused;
}

/* Output may be one. */
static void *in_fprintf(void *unused) {
    await_cancel();
    fprintf(stderr, "a thread\n");
    char byte;
    recv(pair[0], &byte, 1, 0);
    return unused;
}

static void cancelled_before(const char *what, void *(*run)(void *)) {
    void *result = NULL;
    atomic_store(&on_its_way, 0);
    atomic_store(&is_cancelled, 0);
    pthread_t thread = start(run, NULL);
    while (!atomic_load(&on_its_way)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    show("pthread_cancel", pthread_cancel(thread));
    atomic_store(&is_cancelled, 1);
    show("pthread_join", pthread_join(thread, &result));
    fact(what, result == PTHREAD_CANCELED);
}

int main(void) {
    tcp_pair(AF_INET, pair);
    listener = tcp_listener(AF_INET);
    cancelled("recv", in_recv);
    show("cleaned up", cleaned);
    cancelled("read", in_read);
    cancelled("recvmsg", in_recvmsg);
    cancelled("accept", in_accept);
    cancelled("poll", in_poll);
    cancelled_before("getsockopt", in_getsockopt);
    fact("after it", atomic_load(&outlived));
    cancelled_before("fprintf", in_fprintf);
    fprintf(stderr, "the main thread\n");

    void *result = NULL;
    atomic_store(&on_its_way, 0);
    pthread_t thread = start(unwilling, NULL);
    while (!atomic_load(&on_its_way)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    show("pthread_cancel", pthread_cancel(thread));
    show("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
    show("pthread_join", pthread_join(thread, &result));
    fact("unwilling", result == PTHREAD_CANCELED);
    fact("it received", atomic_load(&received));

    /* The socket is as it was, and the threads that come after are too. */
    char buffer[4];
    show("send", send(pair[1], "abc", 3, MSG_NOSIGNAL));
    show_data("recv", recv(pair[0], buffer, 3, MSG_WAITALL), buffer);
    show("send", send(pair[0], "y", 1, MSG_NOSIGNAL));
    cancelled("busy", busy);
    cancelled("send", in_send);
    struct call call = {.fd = pair[0], .size = 3};
    thread = start(receive, &call);
    wait_under_way(&call, pair[1]);
    show("send", send(pair[1], "de", 2, MSG_NOSIGNAL));
    show_call("recv in a thread", thread, &call);
    return 0;
}
