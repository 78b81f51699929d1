/* app_act [ACTION...]: does what each action says, one after the other, and prints "ACTION: result" for each; without
 * actions it reads them from standard input, a line each, so that a test can act between them. Not a transcript test.
 *
 *   tcp HOST PORT | udp HOST PORT   looks HOST up, a name or a number, and connects to its addresses in turn
 *   send HOST PORT                  the same by one datagram that names its destination
 *   group ADDRESS PORT              the same, to a group by way of loopback where that can be said
 *   broadcast ADDRESS PORT          the same, after SO_BROADCAST
 *   by INTERFACE ADDRESS PORT       the same, by the interface with this index where that can be said
 *   join HOW GROUP INTERFACE        joins by an address (plain, source) or an index (index, group, group-source; IPv6)
 *   through INTERFACE               chooses the interface of multicast, by an address of IPv4 or an index of IPv6
 *   interfaces                      NAME/ADDRESS of each that is to be seen
 *   pour tcp|udp HOST PORT BYTES [now]   sends so much, datagrams of 512 bytes; "BYTES" or "BYTES then ERRNO". With now it
 *                                   does not wait
 *   drain HOST PORT BYTES [all]     receives a stream to its end into so large a buffer, with all by MSG_WAITALL; likewise
 *   crowd ADDRESS PORT COUNT        opens so many connections, says its number on each, and awaits it back on all before it closes
 *                                   them; "COUNT", or "COUNT then ERRNO" if so many got theirs
 *   sockets                         opens as many as there may be, and closes them
 *   from tcp|udp ADDRESS PORT TO PORT   says hello to TO from this address and port
 *   bind tcp|udp ADDRESS PORT       binds
 *   listen ADDRESS PORT             binds and listens; "ok PORT" is the port it got
 *   implicit 4|6                    listens without a bind before it
 *   accept                          takes one connection from the last listener, and reads what it says
 *   open ADDRESS PORT               binds a datagram socket; "ok PORT"
 *   receive                         one datagram from the last of these
 *   resolve NAME [4|6]              the addresses in their order
 *   canonical NAME                  the canonical name
 *   unix PATH | unix-send PATH | unix-bind PATH     connects, sends a datagram, binds and removes the path again
 *
 * A result is "ok", an errno, an EAI code, or what was found. */
#include "t.h"
#include "gai.h"
#ifndef __wasi__
#include <ifaddrs.h>
#endif

static int listener = -1, datagrams = -1;

static const char *result(int error) { return error == 0 ? "ok" : errno_name(error); }

static struct addrinfo *look(const char *host, const char *service, int family, int flags, int *error) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list = NULL;
    *error = getaddrinfo(host, service, &hints, &list);
    return *error == 0 ? list : NULL;
}

/* Tries every address as a client does; 0 or the last errno. */
static void reach(const char *how, const char *host, const char *port) {
    int error = 0;
    struct addrinfo *list = look(host, port, AF_UNSPEC, 0, &error);
    if (error != 0) {
        printf("%s\n", eai_name(error));
        return;
    }
    int kind = strcmp(how, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        int fd = (int)must("socket", socket(a->ai_family, kind, 0));
        ssize_t done = strcmp(how, "send") == 0 ? sendto(fd, "hello", 5, 0, a->ai_addr, a->ai_addrlen)
                                                : connect(fd, a->ai_addr, a->ai_addrlen);
        error = done < 0 ? errno : 0;
        if (error == 0 && kind == SOCK_STREAM) send(fd, "hello", 5, MSG_NOSIGNAL);
        close(fd);
        if (error == 0) break;
    }
    freeaddrinfo(list);
    printf("%s\n", result(error));
}

static void resolve(const char *name, const char *family) {
    int error = 0, wanted = family == NULL ? AF_UNSPEC : family[0] == '6' ? AF_INET6 : AF_INET;
    struct addrinfo *list = look(name, NULL, wanted, 0, &error);
    if (error != 0) {
        printf("%s\n", eai_name(error));
        return;
    }
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const void *octets = a->ai_family == AF_INET
                                 ? (const void *)&((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr
                                 : (const void *)&((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr;
        printf("%s%s", a == list ? "" : " ", inet_ntop(a->ai_family, octets, text, sizeof text));
    }
    printf("\n");
    freeaddrinfo(list);
}

static void canonical(const char *name) {
    int error = 0;
    struct addrinfo *list = look(name, NULL, AF_INET, AI_CANONNAME, &error);
    printf("%s\n", error != 0 ? eai_name(error) : list->ai_canonname == NULL ? "none" : list->ai_canonname);
    if (error == 0) freeaddrinfo(list);
}

static int family_of(const char *address) { return strchr(address, ':') != NULL ? AF_INET6 : AF_INET; }

/* A socket bound there; -1 with errno. */
static int bound(const char *kind, const char *address, const char *port) {
    int fd = strcmp(kind, "tcp") == 0 ? tcp(family_of(address)) : udp(family_of(address));
    if (bind_to(fd, ip(address, atoi(port))) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* A client with an address of its own choice. It waits until its peer has closed, or reset, a connection. */
static void from(char *const word[]) {
    char byte;
    int stream = strcmp(word[1], "tcp") == 0, fd = stream ? tcp(family_of(word[2])) : udp(family_of(word[2]));
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    must("bind", bind_to(fd, ip(word[2], atoi(word[3]))));
    int error = connect_to(fd, ip(word[4], atoi(word[5]))) != 0 ? errno : 0;
    if (error == 0 && send(fd, "hello", 5, MSG_NOSIGNAL) < 0) error = errno;
    if (error == 0 && stream) {
        shutdown(fd, SHUT_WR);
        if (recv(fd, &byte, 1, 0) < 0) error = errno;
    }
    close(fd);
    printf("%s\n", result(error));
}

/* One datagram to the peer; the errno of the first step that fails. */
static void everybody(const char *how, const char *address, const char *port) {
    int fd = udp(family_of(address)), error = 0;
    if (strcmp(how, "broadcast") == 0 && set_int(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0) error = errno;
    if (strcmp(how, "group") == 0 && family_of(address) == AF_INET) {
        struct in_addr loopback;
        inet_pton(AF_INET, "127.0.0.1", &loopback);
        /* WASI cannot say it, and goes where the routes lead. */
        (void)setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback);
    }
    if (error == 0 && send_to(fd, "hello", 5, ip(address, atoi(port))) < 0) error = errno;
    close(fd);
    printf("%s\n", result(error));
}

/* One datagram that chooses its interface. */
static void by_interface(const char *index, const char *address, const char *port) {
#ifdef __wasi__
    (void)index, (void)address, (void)port;
    printf("cannot be said\n");
#else
    int fd = udp(family_of(address)), error = 0, v6 = family_of(address) == AF_INET6;
    struct addr to = ip(address, atoi(port));
    struct iovec hello = {.iov_base = (void *)(uintptr_t)"hello", .iov_len = 5};
    union {
        char bytes[CMSG_SPACE(64)];
        struct cmsghdr aligned;
    } room = {.bytes = {0}};
    struct msghdr message = {.msg_name = &to.storage, .msg_namelen = to.len, .msg_iov = &hello, .msg_iovlen = 1};
    /* The head of struct in_pktinfo; the tail of struct in6_pktinfo. */
    int info[5] = {0}, size = v6 ? 20 : 12;
    info[v6 ? 4 : 0] = atoi(index);
    message.msg_control = room.bytes;
    message.msg_controllen = CMSG_SPACE((size_t)size);
    struct cmsghdr *item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    item->cmsg_type = v6 ? 50 : 8; /* IPV6_PKTINFO, IP_PKTINFO */
    item->cmsg_len = CMSG_LEN((size_t)size);
    memcpy(CMSG_DATA(item), info, (size_t)size);
    if (sendmsg(fd, &message, 0) < 0) error = errno;
    close(fd);
    printf("%s\n", result(error));
#endif
}

/* Joins a group at an interface, by each way that there is: by the interface's address, or by its index. */
static void join(const char *how, const char *group, const char *interface) {
#ifdef __wasi__
    (void)how, (void)group, (void)interface;
    printf("cannot be said\n");
#else
    int v6 = family_of(group) == AF_INET6, fd = udp(family_of(group)), level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    struct addr at = ip(group, 0), from = ip(v6 ? "::1" : "127.0.0.1", 0);
    union {
        struct ip_mreq plain;
        struct ip_mreqn index;
        struct ip_mreq_source source;
        struct ipv6_mreq six;
        struct group_req group;
        struct group_source_req group_source;
    } request;
    memset(&request, 0, sizeof request);
    int name = -1;
    socklen_t len = 0;
#define AS(text) (strcmp(how, text) == 0)
    if (AS("group") || AS("group-source")) {
        request.group_source.gsr_interface = (unsigned)atoi(interface);
        memcpy(&request.group_source.gsr_group, &at.storage, sizeof at.storage);
        memcpy(&request.group_source.gsr_source, &from.storage, sizeof from.storage);
        name = AS("group") ? MCAST_JOIN_GROUP : MCAST_JOIN_SOURCE_GROUP;
        len = AS("group") ? sizeof request.group : sizeof request.group_source;
    } else if (v6) {
        request.six.ipv6mr_multiaddr = at.in6.sin6_addr;
        request.six.ipv6mr_interface = (unsigned)atoi(interface);
        name = IPV6_JOIN_GROUP, len = sizeof request.six;
    } else {
        request.plain.imr_multiaddr = at.in.sin_addr;
        if (AS("index"))
            request.index.imr_ifindex = atoi(interface), len = sizeof request.index;
        else
            inet_pton(AF_INET, interface, &request.plain.imr_interface), len = sizeof request.plain;
        if (AS("source")) {
            memset(&request, 0, sizeof request);
            request.source.imr_multiaddr = at.in.sin_addr;
            inet_pton(AF_INET, interface, &request.source.imr_interface);
            request.source.imr_sourceaddr = from.in.sin_addr;
            len = sizeof request.source;
        }
        name = AS("source") ? IP_ADD_SOURCE_MEMBERSHIP : IP_ADD_MEMBERSHIP;
    }
#undef AS
    int error = setsockopt(fd, level, name, &request, len) != 0 ? errno : 0;
    close(fd);
    printf("%s\n", result(error));
#endif
}

/* Chooses the interface of outgoing multicast: by an address of IPv4, or by an index for IPv6. */
static void through(const char *interface) {
#ifdef __wasi__
    (void)interface;
    printf("cannot be said\n");
#else
    int v4 = strchr(interface, '.') != NULL, fd = udp(v4 ? AF_INET : AF_INET6), index = atoi(interface);
    struct in_addr address;
    if (v4) inet_pton(AF_INET, interface, &address);
    int done = v4 ? setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address)
                  : setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
    printf("%s\n", result(done != 0 ? errno : 0));
    close(fd);
#endif
}

static void interfaces(void) {
#ifdef __wasi__
    printf("cannot be said\n");
#else
    struct ifaddrs *list;
    const char *before = "";
    must("getifaddrs", getifaddrs(&list));
    for (struct ifaddrs *each = list; each != NULL; each = each->ifa_next) {
        char text[INET6_ADDRSTRLEN] = "link";
        const struct sockaddr *at = each->ifa_addr;
        if (at->sa_family == AF_INET)
            inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)at)->sin_addr, text, sizeof text);
        if (at->sa_family == AF_INET6)
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, text, sizeof text);
        printf("%s%s/%s", before, each->ifa_name, text);
        before = " ";
    }
    printf("\n");
    freeifaddrs(list);
#endif
}

static void pour(const char *kind, const char *host, const char *port, long bytes, int now) {
    static char block[512];
    int stream = strcmp(kind, "tcp") == 0, fd = stream ? tcp(family_of(host)) : udp(family_of(host));
    must("connect", connect_to(fd, ip(host, atoi(port))));
    if (now) set_nonblocking(fd, 1);
    long sent = 0;
    ssize_t count = 0;
    while (sent < bytes && count >= 0) {
        size_t left = (size_t)(bytes - sent);
        count = send(fd, block, left < sizeof block ? left : sizeof block, MSG_NOSIGNAL);
        if (count > 0) sent += count;
    }
    printf(count < 0 ? "%ld then %s\n" : "%ld\n", sent, errno_name(errno));
    close(fd);
}

static void drain(const char *host, const char *port, size_t room, int all) {
    char *block = malloc(room);
    int fd = tcp(family_of(host));
    must("connect", connect_to(fd, ip(host, atoi(port))));
    long taken = 0;
    ssize_t count;
    while ((count = recv(fd, block, room, all ? MSG_WAITALL : 0)) > 0) taken += count;
    printf(count < 0 ? "%ld then %s\n" : "%ld\n", taken, errno_name(errno));
    close(fd);
    free(block);
}

static void crowd(const char *host, const char *port, int count) {
    int *fds = malloc((size_t)count * sizeof *fds), opened = 0, answered = 0;
    for (; opened < count; opened++) {
        fds[opened] = tcp(family_of(host));
        if (connect_to(fds[opened], ip(host, atoi(port))) != 0) break;
        if (send(fds[opened], &opened, sizeof opened, MSG_NOSIGNAL) != sizeof opened) break;
    }
    int error = opened < count ? errno : 0;
    for (int i = 0; i < opened; i++) {
        int value = -1;
        if (recv(fds[i], &value, sizeof value, MSG_WAITALL) == sizeof value && value == i) answered++;
    }
    printf(error != 0 ? "%d then %s\n" : "%d\n", answered, errno_name(error));
    for (int i = 0; i < opened; i++) close(fds[i]);
    free(fds);
}

static void sockets(void) {
    int fds[256], count = 0;
    while (count < 256 && (fds[count] = socket(AF_INET, SOCK_STREAM, 0)) >= 0) count++;
    printf("%d then %s\n", count, errno_name(errno));
    while (count > 0) close(fds[--count]);
}

static void take(int fd) { /* prints the port that it has, or why there is none */
    if (fd < 0)
        printf("%s\n", errno_name(errno));
    else
        printf("ok %d\n", port_of(local_addr(fd)));
}

static void listen_on(const char *address, const char *port) {
    listener = bound("tcp", address, port);
    if (listener >= 0 && listen(listener, 8) != 0) listener = -1;
    take(listener);
}

static void who(ssize_t count, const char *bytes, struct addr from) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (count < 0) {
        printf("%s\n", errno_name(errno));
        return;
    }
    if (from.sa.sa_family == AF_INET) inet_ntop(AF_INET, &from.in.sin_addr, text, sizeof text);
    if (from.sa.sa_family == AF_INET6) inet_ntop(AF_INET6, &from.in6.sin6_addr, text, sizeof text);
    printf("%s says %.*s\n", text, (int)count, bytes);
}

static void accept_from_listener(void) {
    char bytes[64];
    struct addr from = {.len = sizeof from.storage};
    int fd = accept(listener, &from.sa, &from.len);
    who(fd < 0 ? -1 : recv_all(fd, bytes, sizeof bytes), bytes, from);
    if (fd >= 0) close(fd);
}

static void receive(void) {
    char bytes[64];
    struct addr from = {.len = sizeof from.storage};
    ssize_t count = recvfrom(datagrams, bytes, sizeof bytes, 0, &from.sa, &from.len);
    who(count, bytes, from);
}

static void unix_path(const char *how, const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = (int)must("socket", socket(AF_UNIX, strcmp(how, "unix-send") == 0 ? SOCK_DGRAM : SOCK_STREAM, 0));
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    const struct sockaddr *sa = (const struct sockaddr *)(const void *)&to;
    ssize_t done = strcmp(how, "unix") == 0        ? connect(fd, sa, sizeof to)
                   : strcmp(how, "unix-send") == 0 ? sendto(fd, "hello", 5, 0, sa, sizeof to)
                                                   : bind(fd, sa, sizeof to);
    printf("%s\n", result(done < 0 ? errno : 0));
    close(fd);
    if (done == 0 && strcmp(how, "unix-bind") == 0) must("unlink", unlink(path));
}

static void act(char *line) {
    char *word[6] = {NULL};
    printf("%s: ", line);
    int count = 0;
    for (char *w = strtok(line, " "); w != NULL && count < 6; w = strtok(NULL, " ")) word[count++] = w;
    const char *name = count > 0 ? word[0] : "";
#define IS(text, words) (strcmp(name, text) == 0 && count >= (words))
    if (IS("tcp", 3) || IS("udp", 3) || IS("send", 3))
        reach(name, word[1], word[2]);
    else if (IS("group", 3) || IS("broadcast", 3))
        everybody(name, word[1], word[2]);
    else if (IS("by", 4))
        by_interface(word[1], word[2], word[3]);
    else if (IS("join", 4))
        join(word[1], word[2], word[3]);
    else if (IS("through", 2))
        through(word[1]);
    else if (IS("interfaces", 1))
        interfaces();
    else if (IS("pour", 5))
        pour(word[1], word[2], word[3], atol(word[4]), count > 5);
    else if (IS("drain", 4))
        drain(word[1], word[2], (size_t)atol(word[3]), count > 4);
    else if (IS("crowd", 4))
        crowd(word[1], word[2], atoi(word[3]));
    else if (IS("sockets", 1))
        sockets();
    else if (IS("from", 6))
        from(word);
    else if (IS("bind", 4)) {
        int fd = bound(word[1], word[2], word[3]);
        printf("%s\n", result(fd < 0 ? errno : 0));
        if (fd >= 0) close(fd);
    } else if (IS("listen", 3))
        listen_on(word[1], word[2]);
    else if (IS("implicit", 2)) {
        int fd = tcp(word[1][0] == '6' ? AF_INET6 : AF_INET);
        printf("%s\n", result(listen(fd, 8) != 0 ? errno : 0));
        close(fd);
    } else if (IS("accept", 1))
        accept_from_listener();
    else if (IS("open", 3))
        take(datagrams = bound("udp", word[1], word[2]));
    else if (IS("receive", 1))
        receive();
    else if (IS("resolve", 2))
        resolve(word[1], word[2]);
    else if (IS("canonical", 2))
        canonical(word[1]);
    else if (IS("unix", 2) || IS("unix-send", 2) || IS("unix-bind", 2))
        unix_path(name, word[1]);
    else
        printf("no such action\n");
#undef IS
}

int main(int argc, char **argv) {
    char line[1024];
    for (int i = 1; i < argc; i++) act(argv[i]);
    if (argc > 1) return 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        act(line);
    }
    return 0;
}
