/* A regular file is always readable and writable. poll(2). */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    const char *path = scratch_path("poll_regular_file");
    int fd = (int)must("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    show_poll("empty file", fd);
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = udp(AF_INET), .events = POLLIN}};
    show("poll with a socket", poll(p, 2, T_TIMEOUT_MS));
    show_revents("file", p[0].revents);
    show_revents("socket", p[1].revents);
    close(fd);
    unlink(path);
    return 0;
}
