/* A socket has no position. lseek(2), pread(2): ESPIPE. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char byte = 'x';
    show("lseek", (long)lseek(pair[0], 0, SEEK_CUR));
    show("lseek", (long)lseek(pair[0], 10, SEEK_SET));
    show("pread", pread(pair[0], &byte, 1, 0));
    show("pwrite", pwrite(pair[0], &byte, 1, 0));
    return 0;
}
