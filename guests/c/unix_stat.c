/* bind makes a file of type socket. unix(7), stat(2): S_IFSOCK. */
#include "t.h"

int main(int argc, char **argv) {
    scratch(argc, argv);
    struct addr a = unix_addr("file");
    must("bind", bind_to(tcp(AF_UNIX), a));
    struct stat status;
    show("stat", stat(a.un.sun_path, &status));
    fact("S_ISSOCK", S_ISSOCK(status.st_mode));
    return 0;
}
