/* SO_PEERCRED: of a pair, of a connection within the program, of a listener, and of sockets without a peer. unix(7). */
#include "../c/t.h"

static void whose(const char *what, int fd) {
    struct ucred peer;
    memset(&peer, 0x55, sizeof peer);
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        show(what, -1);
        return;
    }
    int own = peer.pid == getpid() && peer.uid == getuid() && peer.gid == getgid();
    int none = peer.pid == 0 && peer.uid == (uid_t)-1 && peer.gid == (gid_t)-1;
    printf("%s: %s, %d bytes\n", what, own ? "this program" : none ? "none" : "another", (int)len);
}

int main(int argc, char **argv) {
    scratch(argc, argv);
    int pair[2];
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    whose("an end of a pair", pair[0]);
    whose("the other", pair[1]);
    close(pair[1]);
    whose("when the other is closed", pair[0]);
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    whose("a pair of datagrams", pair[0]);

    struct addr at = unix_addr("cred.sock");
    unlink(at.un.sun_path);
    int listener = tcp(AF_UNIX), client = tcp(AF_UNIX);
    whose("before anything", client);
    must("bind", bind_to(listener, at));
    whose("bound", listener);
    must("listen", listen(listener, 8));
    whose("a listener", listener);
    must("connect", connect_to(client, at));
    whose("a client", client);
    whose("what was accepted", accept_one(listener));
    unlink(at.un.sun_path);

    whose("TCP", tcp(AF_INET));
    tcp_pair(AF_INET, pair);
    whose("connected TCP", pair[0]);
    struct ucred peer;
    memset(&peer, 0, sizeof peer);
    show("set", setsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, sizeof peer));
    socklen_t len = 6;
    memset(&peer, 0x55, sizeof peer);
    show("with room for half", getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len));
    show("length", len);
    fact("no more was stored", ((unsigned char *)&peer)[6] == 0x55);
    return 0;
}
