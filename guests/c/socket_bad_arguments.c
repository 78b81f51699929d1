/* socket with families, types and protocols that do not exist. socket(2). */
#include "t.h"

int main(void) {
    show_fd("family 77", socket(77, SOCK_STREAM, 0));
    show_fd("family -1", socket(-1, SOCK_STREAM, 0));
    show_fd("AF_UNSPEC", socket(AF_UNSPEC, SOCK_STREAM, 0));
    show_fd("type 15", socket(AF_INET, 15, 0));
    show_fd("type -1", socket(AF_INET, -1, 0));
    show_fd("TCP over a datagram socket", socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
    show_fd("UDP over a stream socket", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    show_fd("IPv6 UDP over a stream socket", socket(AF_INET6, SOCK_STREAM, IPPROTO_UDP));
    show_fd("protocol -1", socket(AF_INET, SOCK_STREAM, -1));
    show_fd("UNIX with protocol 9", socket(AF_UNIX, SOCK_STREAM, 9));
    return 0;
}
