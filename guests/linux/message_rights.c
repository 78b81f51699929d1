/* SCM_RIGHTS: several descriptors in one message, used after the sender has closed its own, and room for too few.
 * unix(7). */
#include "../c/t.h"

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(3 * sizeof(int))];
};

static void send_fds(int to, const int *fds, size_t count) {
    union control control;
    memset(&control, 0, sizeof control);
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    show("sendmsg", sendmsg(to, &message, MSG_NOSIGNAL));
}

/* Gives the number of descriptors that came. */
static size_t receive_fds(int from, int *fds, size_t room) {
    union control control;
    memset(&control, 0, sizeof control);
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = room == 0 ? 0 : CMSG_LEN(room * sizeof(int))};
    show("recvmsg", recvmsg(from, &message, 0));
    fact("truncated", (message.msg_flags & MSG_CTRUNC) != 0);
    struct cmsghdr *header = room == 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS) return 0;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    return count;
}

int main(void) {
    int carrier[2], pair[2], got[3] = {-1, -1, -1};
    char buffer[8];
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, carrier));
    tcp_pair(AF_INET, pair);
    send_fds(carrier[0], pair, 2);
    close(pair[0]);
    close(pair[1]);
    show("descriptors", (long)receive_fds(carrier[1], got, 3));
    show("send", send(got[0], "alive", 5, MSG_NOSIGNAL));
    wait_readable(got[1]);
    show_data("recv", recv(got[1], buffer, sizeof buffer, 0), buffer);
    send_fds(carrier[0], got, 2);
    int one[3] = {-1, -1, -1};
    show("room for one", (long)receive_fds(carrier[1], one, 1));
    fact("it is the same socket", same_addr(local_addr(one[0]), local_addr(got[0])));
    send_fds(carrier[0], got, 1);
    show("room for none", (long)receive_fds(carrier[1], one, 0));
    /* One open file, and one mode, whatever the number. */
    must("fcntl", fcntl(one[0], F_SETFL, fcntl(one[0], F_GETFL) | O_NONBLOCK));
    fact("O_NONBLOCK of the other number", fcntl(got[0], F_GETFL) & O_NONBLOCK);
    must("fcntl", fcntl(got[0], F_SETFL, fcntl(got[0], F_GETFL) & ~O_NONBLOCK));
    fact("O_NONBLOCK of the first", fcntl(one[0], F_GETFL) & O_NONBLOCK);
    int bad = 9999;
    send_fds(carrier[0], &bad, 1);
    return 0;
}
