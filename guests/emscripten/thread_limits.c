/* Threads that try to get through limits and rules what one thread cannot. tests/tests/attacks/threads.rs sets the mode and judges
 * by what the peers have seen.
 *
 *   swap PORT ROUNDS             one thread puts a TCP connection and a UNIX pair at one number in turn, the main thread writes there
 *   judged ALLOWED_PORT ROUNDS   likewise a UDP socket, which must not receive from every sender, and a UNIX stream: the main thread receives by
 *                                recvmsg with MSG_WAITALL. Prints "port PORT" first and "forbidden COUNT of MESSAGES" last
 *   pour PORT THREADS BYTES      so many threads send so much each, and print "sent BYTES then ERRNO"
 *   drain PORT THREADS           so many threads receive: "took BYTES then ERRNO"
 */
#include "../linux/threads.h"

static atomic_int over;
static int one, other, place;
static struct addr to;
static long wanted;

static void *swaps(void *argument) {
    (void)argument;
    while (!over) {
        must("dup2", dup2(one, place));
        must("dup2", dup2(other, place));
    }
    return NULL;
}

/* Keeps a UNIX stream going: takes all that comes, or has always something to take. */
static void *drains(void *argument) {
    static char bytes[65536];
    int fd = *(int *)argument;
    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
    return NULL;
}

static void *feeds(void *argument) {
    static char bytes[4096];
    int fd = *(int *)argument;
    memset(bytes, 'u', sizeof bytes);
    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
    }
    return NULL;
}

/* Acts so many times, and goes on until something has come where something has to. */
static void swap(int rounds, void *(*keeps)(void *), void (*act)(int), const int *came) {
    int pair[2];
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    other = pair[0];
    place = (int)must("dup", dup(other));
    pthread_t swapper = start(swaps, NULL), keeper = start(keeps, &pair[1]);
    for (int round = 0; round < rounds || (came != NULL && *came == 0); round++) act(place);
    over = 1;
    join(swapper);
    shutdown(pair[0], SHUT_RDWR);
    shutdown(pair[1], SHUT_RDWR);
    join(keeper);
    close(one);
}

static void writes(int fd) {
    static char bytes[1024];
    if (write(fd, bytes, sizeof bytes) < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EBADF)
        printf("write: %s\n", errno_name(errno));
}

static int messages, forbidden;

static void receives(int fd) {
    static char bytes[1200];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t count = recvmsg(fd, &message, MSG_WAITALL | (messages % 2 ? 0 : MSG_DONTWAIT));
    if (count > 0) messages++;
    if (count > 0 && memchr(bytes, 'F', (size_t)count) != NULL) forbidden++;
}

/* What each of many threads does alone. */
struct share {
    pthread_t thread;
    long count;
    int error;
};

static void *pours(void *argument) {
    struct share *share = argument;
    static const char block[65536];
    int fd = tcp(AF_INET);
    ssize_t count = connect_to(fd, to);
    while (count >= 0 && share->count < wanted) {
        size_t left = (size_t)(wanted - share->count);
        count = send(fd, block, left < sizeof block ? left : sizeof block, MSG_NOSIGNAL);
        if (count > 0) share->count += count;
    }
    share->error = count < 0 ? errno : 0;
    close(fd);
    return NULL;
}

static void *takes(void *argument) {
    struct share *share = argument;
    char block[16384];
    int fd = tcp(AF_INET);
    ssize_t count = connect_to(fd, to);
    if (count == 0)
        while ((count = recv(fd, block, sizeof block, 0)) > 0) share->count += count;
    share->error = count < 0 ? errno : 0;
    close(fd);
    return NULL;
}

static void together(void *(*act)(void *), int threads, const char *what) {
    static struct share shares[16];
    for (int i = 0; i < threads; i++) shares[i].thread = start(act, &shares[i]);
    for (int i = 0; i < threads; i++) {
        join(shares[i].thread);
        printf("%s %ld then %s\n", what, shares[i].count, shares[i].error == 0 ? "the end" : errno_name(shares[i].error));
    }
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int number = atoi(argv[3]);
    to = ip("127.0.0.1", atoi(argv[2]));
    if (strcmp(argv[1], "swap") == 0) {
        one = tcp(AF_INET);
        must("connect", connect_to(one, to));
        swap(number, drains, writes, NULL);
        printf("over\n");
    } else if (strcmp(argv[1], "judged") == 0) {
        one = udp_bound(AF_INET);
        printf("port %d\n", port_of(local_addr(one)));
        swap(number, feeds, receives, &messages);
        printf("forbidden %d of %d\n", forbidden, messages);
    } else if (strcmp(argv[1], "pour") == 0 && argc > 4) {
        wanted = atol(argv[4]);
        together(pours, number, "sent");
    } else if (strcmp(argv[1], "drain") == 0) {
        together(takes, number, "took");
    }
    return 0;
}
