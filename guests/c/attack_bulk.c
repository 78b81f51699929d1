/* attack_bulk: guestnet's sendfile, pipe and splice with arguments that libc would never pass. A call that fails moves nothing and no
 * position. */
#include "attack.h"

#ifndef __wasi__
ATTACK_MAIN
#else

IMPORT(gn_sendfile, sendfile, u, u, uint64_t, u, u)
IMPORT(gn_pipe, pipe, u)
IMPORT(gn_splice, splice, u, u, u, u, u)

#define FAR_AWAY 0xfffffff0u
#define POSITION UINT64_MAX

static uint64_t sent[2];
static u moved;
static u pair[2], ends[2];

static void files(const char *directory) {
    char path[64];
    snprintf(path, sizeof path, "%s/file", directory);
    u file = (u)must("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    must("write", write((int)file, "0123456789", 10));
    must("lseek", lseek((int)file, 2, SEEK_SET));
    report("the count far away", gn_sendfile(pair[0], file, POSITION, 4, FAR_AWAY));
    report("the count over the end", gn_sendfile(pair[0], file, POSITION, 4, 0xffffffffu));
    report("the count not aligned", gn_sendfile(pair[0], file, POSITION, 4, P(sent) + 4));
    report("an offset of -2", gn_sendfile(pair[0], file, UINT64_MAX - 1, 4, P(sent)));
    report("the smallest offset", gn_sendfile(pair[0], file, (uint64_t)1 << 63, 4, P(sent)));
    report("an end beyond all numbers", gn_sendfile(pair[0], file, ((uint64_t)1 << 63) - 2, 4, P(sent)));
    report("to -1", gn_sendfile(0xffffffffu, file, POSITION, 4, P(sent)));
    report("from -1", gn_sendfile(pair[0], 0xffffffffu, POSITION, 4, P(sent)));
    report("from itself", gn_sendfile(pair[0], pair[0], POSITION, 4, P(sent)));
    report("from standard input", gn_sendfile(pair[0], 0, POSITION, 4, P(sent)));
    report("from a directory that was open before", gn_sendfile(pair[0], 3, POSITION, 4, P(sent)));
    report("to a directory", gn_sendfile(3, file, POSITION, 4, P(sent)));
    report("to the file", gn_sendfile(file, file, POSITION, 4, P(sent)));
    fact("the position is where it was", lseek((int)file, 0, SEEK_CUR) == 2);
    report("more than there is", gn_sendfile(pair[0], file, POSITION, 0xffffffffu, P(sent)));
    printf("sent %llu, position %lld\n", (unsigned long long)sent[0], (long long)lseek((int)file, 0, SEEK_CUR));
    char bytes[16];
    show_data("received", recv((int)pair[1], bytes, sizeof bytes, 0), bytes);
    must("lseek", lseek((int)file, INT64_MAX - 1, SEEK_SET));
    report("from a position behind all files", gn_sendfile(pair[0], file, POSITION, 4, P(sent)));
    close((int)file);
    report("from what was closed", gn_sendfile(pair[0], file, 0, 4, P(sent)));
}

static void pipes(void) {
    u before[2], after[2];
    if (gn_pipe(P(before)) != 0) exit(1);
    report("a pipe far away", gn_pipe(FAR_AWAY));
    report("a pipe over the end", gn_pipe(0xfffffffcu));
    if (gn_pipe(P(after)) != 0) exit(1);
    fact("no number was taken", after[0] == before[1] + 1);
    must("send", send((int)pair[1], "abc", 3, 0));
    wait_bytes((int)pair[0], 3);
    report("the count far away", gn_splice(pair[0], ends[1], 3, 0, FAR_AWAY));
    report("all flags", gn_splice(pair[0], ends[1], 3, 0xffffffffu, P(&moved)));
    report("from -1", gn_splice(0xffffffffu, ends[1], 3, 0, P(&moved)));
    report("to -1", gn_splice(pair[0], 0xffffffffu, 3, 0, P(&moved)));
    report("to a directory", gn_splice(pair[0], 3, 3, 0, P(&moved)));
    report("more than there is", gn_splice(pair[0], ends[1], 0xffffffffu, 15, P(&moved)));
    char bytes[16];
    show_data("moved", read((int)ends[0], bytes, sizeof bytes), bytes);
    report("a closed end", (close((int)ends[1]), gn_splice(pair[0], ends[1], 3, 0, P(&moved))));
}

int main(int argc, char **argv) {
    int sockets[2];
    tcp_pair(AF_INET, sockets);
    pair[0] = (u)sockets[0];
    pair[1] = (u)sockets[1];
    if (gn_pipe(P(ends)) != 0) return 1;
    files(argc > 1 ? argv[1] : ".");
    pipes();
    return 0;
}
#endif
