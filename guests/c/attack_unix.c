/* attack_unix: tries to reach or to make UNIX sockets. Prints a line an attempt.
 *
 *   attack_unix reach PATH...   stream connect, datagram sendto, in every encoding; "@x" stands for the abstract name x
 *   attack_unix bind PATH...    bind, and what getsockname says then
 *   attack_unix swap DIR        binds DIR/a/s, moves DIR/a away, makes a symbolic link DIR/a to ../outside, and connects
 *                               to DIR/a/s and to DIR/b/s, where the socket is now
 *   attack_unix move DIR        renames and links DIR/denied.sock, and connects to it under its new names */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

#include <stdio.h>

static unsigned char address[128];

static u path(const char *text) {
    memset(address, 0, sizeof address);
    address[0] = WE_UNIX;
    strncpy((char *)address + 2, text, 125);
    if (text[0] == '@') address[2] = 0;
    return header(P(address), 128);
}

static u unix_socket(int kind) {
    u fd = 0;
    must("sock_open", we_open(WE_UNIX, (u)kind, P(&fd)) == 0 ? 0 : -1);
    p1_set_flags(fd, 4);
    return fd;
}

static void reach(const char *text) {
    u stream = unix_socket(WE_STREAM), datagram = unix_socket(WE_DGRAM), sent = 0, o = P(&sent);
    u data = header(P("forbidden"), 9);
    printf("connect to %s: %s\n", text, named(we_connect(stream, path(text), 0)));
    p1_send(stream, data, 1, 0, o);
    printf("connect_v2 to %s: %s\n", text, named(named_connect(datagram, path(text), 0)));
    p1_send(datagram, data, 1, 0, o);
    printf("sendto %s: %s\n", text, named(we_send_to(datagram, data, 1, path(text), 0, 0, o)));
    printf("sendto_v2 %s: %s\n", text, named(named_send_to(datagram, data, 1, path(text), 0, 0, o)));
    p1_close(stream), p1_close(datagram);
}

static void make(const char *text) {
    u fd = unix_socket(WE_STREAM), port = 0;
    unsigned char name[128] = {0};
    printf("bind to %s: %s\n", text, named(we_bind(fd, path(text), 0)));
    v2_local(fd, header(P(name), 128), P(&port));
    printf("its name: %s\n", name + 2);
    p1_close(fd);
}

static void in(char *to, const char *dir, const char *name) { snprintf(to, 120, "%s/%s", dir, name); }

static void swap(const char *dir) {
    char a[128], b[128], s[128], t[128];
    in(a, dir, "a"), in(b, dir, "b"), in(s, dir, "a/s"), in(t, dir, "b/s");
    must("mkdir", mkdir(a, 0700));
    u listener = unix_socket(WE_STREAM);
    report("bind", we_bind(listener, path(s), 0));
    report("listen", we_listen(listener, 4));
    must("rename", rename(a, b));
    show("symlink", symlink("../outside", a));
    reach(s);
    u fd = unix_socket(WE_STREAM);
    report("connect to where it is now", we_connect(fd, path(t), 0));
    u out = 0;
    report("accept", p1_accept(listener, 0, P(&out)));
}

static void move(const char *dir) {
    char from[128], to[128], other[128];
    in(from, dir, "denied.sock"), in(to, dir, "linked.sock"), in(other, dir, "moved.sock");
    reach(from);
    show("link", link(from, to));
    reach(to);
    show("rename", rename(from, other));
    reach(other);
}

int main(int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[1], "reach") == 0) reach(argv[i]);
        if (strcmp(argv[1], "bind") == 0) make(argv[i]);
        if (strcmp(argv[1], "swap") == 0) swap(argv[i]);
        if (strcmp(argv[1], "move") == 0) move(argv[i]);
    }
    return 0;
}

#endif
