/* A new descriptor has the lowest free number. POSIX socket, accept, open. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    int first = udp(AF_INET), second = udp(AF_INET), third = udp(AF_INET), fourth = udp(AF_INET);
    fact("numbers count up", first < second && second < third && third < fourth);
    close(second);
    int again = tcp(AF_INET);
    fact("socket takes the closed number", again == second);
    close(third);
    close(first);
    fact("the lower of two comes first", udp(AF_INET6) == first);
    const char *path = scratch_path("fd_lowest_free");
    int file = (int)must("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    fact("open takes the other", file == third);
    int listener = tcp_listener(AF_INET);
    int client = tcp(AF_INET);
    must("connect", connect_to(client, local_addr(listener)));
    close(file);
    fact("accept takes a file's number", accept_one(listener) == third);
    unlink(path);
    return 0;
}
