/* recvfrom's address buffer: cut when short, with the full length given; NULL is fine. recvfrom(2). */
#include "t.h"

int main(void) {
    int client = udp_bound(AF_INET), server = udp_bound(AF_INET);
    char byte;
    struct addr from;
    must("sendto", send_to(client, "a", 1, local_addr(server)));
    memset(&from, 0xee, sizeof from);
    from.len = offsetof(struct sockaddr_in, sin_addr);
    show("recvfrom, short", recvfrom(server, &byte, 1, 0, &from.sa, &from.len));
    fact("length is sockaddr_in's", from.len == sizeof from.in);
    fact("family is there", from.sa.sa_family == AF_INET);
    fact("what lies behind is untouched", from.in.sin_addr.s_addr == 0xeeeeeeee);
    must("sendto", send_to(client, "b", 1, local_addr(server)));
    memset(&from, 0xee, sizeof from);
    from.len = 0;
    show("recvfrom, length 0", recvfrom(server, &byte, 1, 0, &from.sa, &from.len));
    fact("length is sockaddr_in's", from.len == sizeof from.in);
    must("sendto", send_to(client, "c", 1, local_addr(server)));
    show_data("recvfrom, NULL", recvfrom(server, &byte, 1, 0, NULL, NULL), &byte);
    return 0;
}
