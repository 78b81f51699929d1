/* TCP_INFO: states, a connection that has moved bytes, room that is too small, and sockets that have none. tcp(7). */
#include "t.h"

static int state(int fd) {
    struct tcp_info info;
    memset(&info, 0xff, sizeof info);
    socklen_t len = sizeof info;
    must("getsockopt", getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
    return info.tcpi_state;
}

int main(void) {
    int pair[2], listener = tcp_listener(AF_INET);
    show("unconnected", state(tcp(AF_INET)));
    show("listener", state(listener));
    tcp_pair(AF_INET, pair);
    show("connected", state(pair[0]));
    show("accepted", state(pair[1]));

    struct tcp_info info;
    socklen_t len = sizeof info;
    char bytes[1000];
    memset(bytes, 'x', sizeof bytes);
    must("send", send(pair[0], bytes, sizeof bytes, 0));
    must("recv", recv_all(pair[1], bytes, sizeof bytes));
    must("send", send(pair[1], "y", 1, 0));
    must("recv", recv_all(pair[0], bytes, 1));
    show("getsockopt", getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, &len));
    fact("all that this struct has in its first version", len >= offsetof(struct tcp_info, tcpi_total_retrans) + 4);
    fact("a segment size", info.tcpi_snd_mss >= 536 && info.tcpi_rcv_mss > 0);
    fact("a round trip", info.tcpi_rtt > 0 && info.tcpi_rto > 0);
    fact("a window", info.tcpi_snd_cwnd > 0);
    show("retransmitted", info.tcpi_total_retrans);
    show("unacknowledged", info.tcpi_unacked);

    unsigned char two[2] = {0xff, 0xff};
    len = 1;
    show("with room for a byte", getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, two, &len));
    show("stored", len);
    show("the byte", two[0]);
    show("the next one", two[1]);
    len = 0;
    show("with no room", getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, two, &len));
    len = (socklen_t)-1;
    show("with a negative length", getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, two, &len));

    shutdown(pair[1], SHUT_WR);
    wait_readable(pair[0]);
    show("the peer has ended", state(pair[0]));
    show("set", setsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, sizeof info));
    len = sizeof info;
    show("UDP", getsockopt(udp(AF_INET), IPPROTO_TCP, TCP_INFO, &info, &len));
    show("UNIX", getsockopt(tcp(AF_UNIX), IPPROTO_TCP, TCP_INFO, &info, &len));
    return 0;
}
