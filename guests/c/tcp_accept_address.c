/* accept gives the peer's address; a short buffer gets a truncated one and the full length; NULL gets none. accept(2).
 */
#include "t.h"

int main(void) {
    int listener = tcp_listener(AF_INET);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    struct addr a;
    memset(&a, 0, sizeof a);
    a.len = sizeof a.storage;
    int fd = show_fd("accept", accept(listener, &a.sa, &a.len));
    show_addr("address", a);
    fact("length is sockaddr_in's", a.len == sizeof a.in);
    fact("it is the client's", same_addr(a, local_addr(client)));
    fact("getpeername agrees", same_addr(a, peer_addr(fd)));
    fact("the local address is the listener's", same_addr(local_addr(fd), local_addr(listener)));

    client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    struct addr whole = local_addr(client);
    memset(&a, 0xee, sizeof a);
    a.len = offsetof(struct sockaddr_in, sin_addr);
    show_fd("accept with a short buffer", accept(listener, &a.sa, &a.len));
    fact("length is still sockaddr_in's", a.len == sizeof a.in);
    fact("family is there", a.sa.sa_family == AF_INET);
    fact("port is there", a.in.sin_port == whole.in.sin_port);
    fact("what lies behind is untouched", a.in.sin_addr.s_addr == 0xeeeeeeee);

    client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    show_fd("accept with NULL", accept(listener, NULL, NULL));
    return 0;
}
