/* getsockname and getpeername: a short buffer gets a part and the full length; a negative length is EINVAL.
 * getsockname(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct addr whole = local_addr(pair[0]), a;
    memset(&a, 0xee, sizeof a);
    a.len = offsetof(struct sockaddr_in, sin_addr);
    show("getsockname, short", getsockname(pair[0], &a.sa, &a.len));
    fact("length is sockaddr_in's", a.len == sizeof a.in);
    fact("port is there", a.in.sin_port == whole.in.sin_port);
    fact("what lies behind is untouched", a.in.sin_addr.s_addr == 0xeeeeeeee);
    memset(&a, 0xee, sizeof a);
    a.len = 0;
    show("getsockname, length 0", getsockname(pair[0], &a.sa, &a.len));
    fact("length is sockaddr_in's", a.len == sizeof a.in);
    fact("untouched", a.in.sin_addr.s_addr == 0xeeeeeeee && a.sa.sa_family != AF_INET);
    a.len = (socklen_t)-1;
    show("getsockname, length -1", getsockname(pair[0], &a.sa, &a.len));
    memset(&a, 0xee, sizeof a);
    a.len = offsetof(struct sockaddr_in, sin_addr);
    show("getpeername, short", getpeername(pair[0], &a.sa, &a.len));
    fact("length is sockaddr_in's", a.len == sizeof a.in);
    a.len = (socklen_t)-1;
    show("getpeername, length -1", getpeername(pair[0], &a.sa, &a.len));
    tcp_pair(AF_INET6, pair);
    a.len = sizeof a.storage;
    show("v6 getsockname", getsockname(pair[0], &a.sa, &a.len));
    fact("length is sockaddr_in6's", a.len == sizeof a.in6);
    return 0;
}
