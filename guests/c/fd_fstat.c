/* fstat calls a socket a socket, and nothing else. fstat(2): S_IFSOCK. */
#include "t.h"

static void run(const char *what, int fd) {
    struct stat status;
    memset(&status, 0, sizeof status);
    if (show(what, fstat(fd, &status)) == 0) fact("S_ISSOCK", S_ISSOCK(status.st_mode));
}

int main(int argc, char **argv) {
    scratch(argc, argv);
    run("TCP", tcp(AF_INET));
    run("UDP v6", udp(AF_INET6));
    run("UNIX", tcp(AF_UNIX));
    run("listener", tcp_listener(AF_INET));
    const char *path = scratch_path("fd_fstat");
    run("file", (int)must("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)));
    unlink(path);
    return 0;
}
