/* SO_BUSY_POLL and IP_FREEBIND as they begin, and set to what they are: to raise the first takes a privilege. socket(7),
 * ip(7). */
#include "../c/t.h"

int main(void) {
    int fd = udp(AF_INET);
    show_option("SO_BUSY_POLL", fd, SOL_SOCKET, SO_BUSY_POLL);
    show("set 0", set_int(fd, SOL_SOCKET, SO_BUSY_POLL, 0));
    show("set -1", set_int(fd, SOL_SOCKET, SO_BUSY_POLL, -1));
    show_option("IP_FREEBIND", fd, IPPROTO_IP, IP_FREEBIND);
    show("set 0", set_int(fd, IPPROTO_IP, IP_FREEBIND, 0));
    char off = 0;
    show("set 0 as a byte", setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &off, 1));
    show_option("TCP", tcp(AF_INET), IPPROTO_IP, IP_FREEBIND);
    show_option("UNIX", tcp(AF_UNIX), IPPROTO_IP, IP_FREEBIND);
    return 0;
}
