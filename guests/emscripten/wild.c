/* Lengths near 2^31 and 2^32, counts that no program can mean, and pointers outside of the memory, for every call that moves
 * data or waits. Nothing else is the oracle here: a native program has no such memory. */
#include "../c/t.h"
#include <emscripten/heap.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

/* What the objects of the package call: names.c, interface.c and linux.c there. */
int guestnet_service(int index, const char *name, int port, const char *protocol, void *entry, int room);
int guestnet_protocol(int index, const char *name, int number, void *entry, int room);
int guestnet_interfaces(void *list, size_t room);
int guestnet_epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout);

/* Volatile, so that the compiler does not know what is wrong. */
static void *volatile outside = (void *)0xfffff000u;
static void *volatile last = (void *)0xffffffffu;
static volatile size_t large = 0x7fffffffu, larger = 0x80000000u, largest = 0xffffffffu;

static int pair[2], datagram, epoll;
static char bytes[8];

/* Every call is made where there is something to receive and room to send, so that only the argument can be wrong. */
static void data_calls(const char *what, void *at, size_t size) {
    printf("%s\n", what);
    show("recv", recv(pair[0], at, size, 0));
    show("recv of a datagram", recv(datagram, at, size, 0));
    show("recvfrom", recvfrom(pair[0], at, size, MSG_PEEK, NULL, NULL));
    show("read", read(pair[0], at, size));
    show("send", send(pair[0], at, size, MSG_NOSIGNAL));
    show("sendto", sendto(datagram, at, size, 0, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)));
    show("write", write(pair[0], at, size));
    struct iovec one = {at, size};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1};
    show("readv", readv(pair[0], &one, 1));
    show("writev", writev(pair[0], &one, 1));
    show("recvmsg", recvmsg(pair[0], &message, 0));
    show("sendmsg", sendmsg(pair[0], &message, MSG_NOSIGNAL));
}

static void vectors(const char *what, struct iovec *array, size_t count) {
    printf("%s\n", what);
    struct msghdr message = {.msg_iov = array, .msg_iovlen = (int)count};
    show("readv", readv(pair[0], array, (int)count));
    show("writev", writev(pair[0], array, (int)count));
    show("recvmsg", recvmsg(pair[0], &message, 0));
    show("sendmsg", sendmsg(pair[0], &message, MSG_NOSIGNAL));
}

static void messages(void) {
    printf("messages\n");
    struct iovec one = {bytes, sizeof bytes};
    struct msghdr wild = {.msg_iov = &one, .msg_iovlen = 1, .msg_name = outside, .msg_namelen = (socklen_t)largest};
    show("sendmsg to a wild address", sendmsg(datagram, &wild, 0));
    show("recvmsg to a wild address", recvmsg(datagram, &wild, MSG_PEEK));
    wild = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1, .msg_control = outside, .msg_controllen = (socklen_t)largest};
    show("sendmsg with wild control data", sendmsg(pair[0], &wild, MSG_NOSIGNAL));
    wild.msg_controllen = 64;
    show("sendmsg with control data outside", sendmsg(pair[0], &wild, MSG_NOSIGNAL));
    show("sendmsg of a message outside", sendmsg(pair[0], last, MSG_NOSIGNAL));
}

/* Of an array whose second message is behind the end of the memory the first is sent; what cannot be received costs no datagram. */
static void batches(char *edge) {
    printf("batches\n");
    struct iovec one = {bytes, 1}, wide[1025];
    for (int i = 0; i < 1025; i++) wide[i] = one;
    struct mmsghdr *first = (struct mmsghdr *)edge, message;
    memset(first, 0, sizeof *first);
    first->msg_hdr.msg_iov = &one;
    first->msg_hdr.msg_iovlen = 1;
    show("sendmmsg across the end", sendmmsg(pair[0], first, 2, MSG_NOSIGNAL));
    show("sendmmsg of 2^32 - 1", sendmmsg(pair[0], first, (unsigned)largest, MSG_NOSIGNAL));
    show("sendmmsg one byte further", sendmmsg(pair[0], (struct mmsghdr *)(edge + 1), 1, MSG_NOSIGNAL));
    show("sendmmsg outside", sendmmsg(pair[0], outside, 2, MSG_NOSIGNAL));
    show("sendmmsg round the corner", sendmmsg(pair[0], last, (unsigned)largest, MSG_NOSIGNAL));
    show("recvmmsg outside", recvmmsg(datagram, outside, 2, MSG_DONTWAIT, NULL));
    show("recvmmsg one byte further", recvmmsg(datagram, (struct mmsghdr *)(edge + 1), 2, MSG_DONTWAIT, NULL));
    show("a timeout outside", recvmmsg(datagram, first, 1, MSG_DONTWAIT, last));
    memset(&message, 0, sizeof message);
    message.msg_hdr = (struct msghdr){.msg_iov = wide, .msg_iovlen = 1025};
    show("1025 buffers to send", sendmmsg(pair[0], &message, 1, MSG_NOSIGNAL));
    show("1025 buffers to receive", recvmmsg(datagram, &message, 1, MSG_DONTWAIT, NULL));
    message.msg_hdr = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1, .msg_name = outside, .msg_namelen = 16};
    show("a name outside", recvmmsg(datagram, &message, 1, MSG_DONTWAIT, NULL));
    message.msg_hdr.msg_namelen = (socklen_t)largest;
    show("a long name", recvmmsg(datagram, &message, 1, MSG_DONTWAIT, NULL));
    message.msg_hdr = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1, .msg_control = outside, .msg_controllen = 64};
    show("control data outside", recvmmsg(datagram, &message, 1, MSG_DONTWAIT, NULL));
    show("control data outside to send", sendmmsg(pair[0], &message, 1, MSG_NOSIGNAL));
    /* What only the second of two is wrong in. */
    struct iovec far = {outside, 8};
    struct mmsghdr both[2];
    struct msghdr good = {.msg_iov = &one, .msg_iovlen = 1};
    const struct {
        const char *what;
        struct msghdr header;
    } wrong[] = {
        {"bytes outside", {.msg_iov = &far, .msg_iovlen = 1}},
        {"buffers outside", {.msg_iov = outside, .msg_iovlen = 1}},
        {"buffers round the corner", {.msg_iov = last, .msg_iovlen = 2}},
        {"-2^31 buffers", {.msg_iov = &one, .msg_iovlen = (int)larger}},
        {"2^31 - 1 buffers", {.msg_iov = &one, .msg_iovlen = (int)large}},
        {"an address outside", {.msg_name = outside, .msg_namelen = 16, .msg_iov = &one, .msg_iovlen = 1}},
        {"control data outside", {.msg_iov = &one, .msg_iovlen = 1, .msg_control = outside, .msg_controllen = 64}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        both[0] = (struct mmsghdr){.msg_hdr = good};
        both[1] = (struct mmsghdr){.msg_hdr = wrong[i].header};
        printf("%s\n", wrong[i].what);
        show("sendmmsg", sendmmsg(pair[0], both, 2, MSG_NOSIGNAL));
        show("alone", sendmmsg(pair[0], both + 1, 1, MSG_NOSIGNAL));
        show("recvmmsg alone", recvmmsg(datagram, both + 1, 1, MSG_DONTWAIT, NULL));
        show("recvmmsg that looks", recvmmsg(datagram, both, 2, MSG_DONTWAIT | MSG_PEEK, NULL));
    }
}

/* A datagram lands in the array that it is received by. */
static void batch_over_itself(void) {
    struct addr self = local_addr(datagram);
    struct mmsghdr both[2];
    struct iovec parts[2] = {{both, sizeof both}, {parts, sizeof parts}};
    memset(both, 0, sizeof both);
    for (int i = 0; i < 2; i++) both[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    char junk[sizeof both];
    memset(junk, 0xff, sizeof junk);
    must("recv", recv(datagram, bytes, sizeof bytes, 0));
    for (int i = 0; i < 3; i++) must("send", send_to(datagram, junk, sizeof junk, self));
    wait_readable(datagram);
    int count = recvmmsg(datagram, both, 2, MSG_DONTWAIT, NULL);
    fact("over its own array", count == 1 || count == 2);
    while (recv(datagram, junk, sizeof junk, MSG_DONTWAIT) >= 0) continue;
    must("send", send_to(datagram, "data", 4, self));
    wait_readable(datagram);
}

/* The result of an import of the package's objects, which has the error in it. */
static void show_import(const char *what, int result) {
    errno = -result;
    show(what, result < 0 ? -1 : result);
}

/* What the machine's files have is no affair of this program: a protocol there is always, and a service need not be. */
static void entries(char *edge) {
    printf("entries\n");
    char room[1024];
    int wide = sizeof room;
    memset(edge, 'a', 16);
    show_import("a service by a name outside", guestnet_service(-1, outside, -1, NULL, room, wide));
    show_import("of a protocol outside", guestnet_service(-1, NULL, 80, outside, room, wide));
    show_import("by a name that has no end", guestnet_service(-1, edge, -1, NULL, room, wide));
    show_import("of a protocol that has none", guestnet_service(-1, "http", -1, edge, room, wide));
    fact("to outside", guestnet_service(0, NULL, -1, NULL, outside, (int)large) <= 0);
    fact("across the end", guestnet_service(0, NULL, -1, NULL, edge + 12, wide) <= 0);
    show_import("the service 2^31 - 1", guestnet_service((int)large, NULL, -1, NULL, room, wide));
    show_import("the service -2^31", guestnet_service((int)larger, NULL, (int)larger, NULL, room, wide));
    show_import("port 2^31 - 1", guestnet_service(-1, NULL, (int)large, NULL, room, wide));
    show_import("a protocol by a name outside", guestnet_protocol(-1, outside, -1, room, wide));
    show_import("by a name that has no end", guestnet_protocol(-1, edge, -1, room, wide));
    show_import("to outside", guestnet_protocol(0, NULL, -1, outside, (int)large));
    show_import("across the end", guestnet_protocol(0, NULL, -1, edge + 12, wide));
    show_import("round the corner", guestnet_protocol(0, NULL, -1, last, (int)large));
    show_import("into no room", guestnet_protocol(0, NULL, -1, outside, 0));
    show_import("into -2^31 bytes", guestnet_protocol(0, NULL, -1, room, (int)larger));
    show_import("the protocol 2^31 - 1", guestnet_protocol((int)large, NULL, -1, room, wide));
    show_import("the number 2^31 - 1", guestnet_protocol(-1, NULL, (int)large, room, wide));
    show_import("interfaces to outside", guestnet_interfaces(outside, large));
    show_import("across the end", guestnet_interfaces(edge + 12, 4096));
    show_import("into 2^32 - 1 bytes round the corner", guestnet_interfaces(last, largest));
    fact("their length, without room", guestnet_interfaces(last, 0) > 0);
    show("a service of the C library", getservbyname(outside, NULL) == NULL ? -1 : 0);
    show("a protocol of the C library", getprotobyname(outside) == NULL ? -1 : 0);
}

static void timers(void) {
    printf("timers\n");
    int timer = (int)must("timerfd_create", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec spec = {.it_value = {.tv_sec = 1000}};
    struct epoll_event event;
    show("timerfd_settime from outside", timerfd_settime(timer, 0, outside, NULL));
    show("timerfd_settime to outside", timerfd_settime(timer, 0, &spec, last));
    show("timerfd_gettime to outside", timerfd_gettime(timer, last));
    show_import("epoll_pwait2, a time outside", guestnet_epoll_pwait2(epoll, &event, 1, last));
    show_import("epoll_pwait2 to outside", guestnet_epoll_pwait2(epoll, outside, 1, &(struct timespec){0, 0}));
    must("close", close(timer));
}

static void addresses(void) {
    printf("addresses\n");
    socklen_t len = (socklen_t)largest;
    show("bind", bind(datagram, outside, sizeof(struct sockaddr_in)));
    show("bind, a long one", bind(datagram, outside, (socklen_t)larger));
    show("connect", connect(datagram, last, sizeof(struct sockaddr_in)));
    show("sendto", sendto(datagram, bytes, 1, 0, outside, (socklen_t)large));
    show("getsockname", getsockname(datagram, outside, &len));
    show("getsockname, its length", getsockname(datagram, (struct sockaddr *)bytes, last));
    show("recvfrom", recvfrom(datagram, bytes, 1, MSG_PEEK, outside, &(socklen_t){16}));
    show("getsockopt", getsockopt(datagram, SOL_SOCKET, SO_TYPE, outside, &(socklen_t){4}));
    show("setsockopt", setsockopt(datagram, SOL_SOCKET, SO_BROADCAST, last, 4));
    show("setsockopt, a long one", setsockopt(datagram, SOL_SOCKET, SO_BROADCAST, bytes, (socklen_t)largest));
}

static void waits(void) {
    printf("waits\n");
    struct epoll_event event = {.events = EPOLLIN};
    show("poll of a wild array", poll(outside, 1000, 0));
    show("poll of a wild array, waiting", poll(outside, 1000, 1));
    show("poll of the end", poll(last, 1, 0));
    show("poll of 2^31 - 1", poll((struct pollfd *)bytes, (nfds_t)large, 0));
    show("poll of 2^32 - 1", poll((struct pollfd *)bytes, (nfds_t)largest, 0));
    must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
    show("epoll_ctl outside", epoll_ctl(epoll, EPOLL_CTL_MOD, pair[0], last));
    show("epoll_wait outside", epoll_wait(epoll, outside, 1, 0));
    show("epoll_wait for 2^31 - 1", epoll_wait(epoll, outside, (int)large, 0));
    show("epoll_wait for -2^31", epoll_wait(epoll, &event, (int)larger, 0));
    show("epoll_wait for none", epoll_wait(epoll, &event, 0, 0));
}

/* Descriptors come, and there is no memory for their numbers. */
static void descriptors(char *control) {
    int carrier[2], carried[2];
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, carrier));
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, carried));
    char byte = 'd';
    struct iovec one = {&byte, 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } rights = {.header = {.cmsg_len = CMSG_LEN(2 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&rights.header), (int[2]){carried[1], carried[1]}, 2 * sizeof(int));
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    show("sendmsg with descriptors", sendmsg(carrier[0], &message, MSG_NOSIGNAL));
    must("close", close(carried[1]));
    message = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 64};
    show("recvmsg with control data across the end", recvmsg(carrier[1], &message, 0));
    fact("MSG_CTRUNC", message.msg_flags & MSG_CTRUNC);
    show("control data", (long)message.msg_controllen);
    show("they are gone", recv(carried[0], &byte, 1, MSG_DONTWAIT));
    int lowest = dup(carried[0]);
    fact("nor a number", lowest == carried[1]);
    must("close", close(lowest));
    must("close", close(carried[0]));
    must("close", close(carrier[0]));
    must("close", close(carrier[1]));
}

int main(void) {
    tcp_pair(AF_INET, pair);
    datagram = udp_bound(AF_INET);
    epoll = (int)must("epoll_create1", epoll_create1(0));
    must("send", send(pair[1], "data", 4, MSG_NOSIGNAL));
    must("send", send_to(datagram, "data", 4, local_addr(datagram)));
    wait_readable(pair[0]);
    wait_readable(datagram);
    size_t behind = emscripten_get_heap_size();

    data_calls("2^31 - 1 bytes outside", outside, large);
    data_calls("2^31 bytes", bytes, larger);
    data_calls("2^32 - 1 bytes", bytes, largest);
    data_calls("one byte behind the end", (void *)behind, 1);
    data_calls("across the end", (void *)(behind - 4), 8);
    data_calls("round the corner", last, 2);

    static struct iovec many[1025];
    for (int i = 0; i < 1025; i++) many[i] = (struct iovec){bytes, 1};
    vectors("1025 buffers", many, 1025);
    vectors("2^31 - 1 buffers", many, large);
    vectors("2^31 buffers", many, larger);
    vectors("2^32 - 1 buffers", many, largest);
    vectors("an array outside", outside, 2);
    vectors("an array across the end", (struct iovec *)(behind - 4), 2);
    struct iovec sum[3] = {{bytes, 1}, {bytes, large}, {bytes, large}};
    vectors("more than 2^31 - 1 bytes together", sum, 3);
    messages();
    descriptors((char *)behind - 16);
    batches((char *)behind - sizeof(struct mmsghdr));
    batch_over_itself();
    addresses();
    waits();
    entries((char *)behind - 16);
    timers();

    char buffer[8];
    show_data("what was there all the time", recv(pair[0], buffer, sizeof buffer, 0), buffer);
    show_data("and the datagram", recv(datagram, buffer, sizeof buffer, 0), buffer);
    return 0;
}
