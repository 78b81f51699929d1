/* splice between sockets and pipes, as proxies use it: what it takes and leaves, its ends, what waits for what, and what is refused.
 * splice(2). Splicing files is left out: only some can be. */
#include "t.h"

#ifndef __wasi__
#include <signal.h>
#endif

#define SIZE 200000

static void refusals(int pair[2], int ends[2]) {
    off_t offset = 0;
    int other[2];
    tcp_pair(AF_INET, other);
    show("two sockets", splice(pair[0], NULL, other[0], NULL, 10, 0));
    show("both ends of a pipe", splice(ends[0], NULL, ends[1], NULL, 10, 0));
    show("nothing to read from", splice(9999, NULL, ends[1], NULL, 10, 0));
    show("nothing to write to", splice(pair[0], NULL, 9999, NULL, 10, 0));
    show("an unknown flag", splice(pair[0], NULL, ends[1], NULL, 10, 0x100));
    show("no bytes of nothing", splice(9999, NULL, 9998, NULL, 0, 0x100));
    show("an offset in a socket", splice(pair[0], &offset, ends[1], NULL, 10, 0));
    show("an offset in a pipe", splice(ends[0], &offset, pair[0], NULL, 10, 0));
    show("an offset in a pipe that is written", splice(pair[0], NULL, ends[1], &offset, 10, 0));
    show("from the end to write", splice(ends[1], NULL, pair[0], NULL, 10, 0));
    show("to the end to read", splice(pair[0], NULL, ends[0], NULL, 10, 0));
    close(other[0]);
    close(other[1]);
}

static void nothing_there(int pair[2], int ends[2]) {
    char buffer[8];
    set_nonblocking(pair[0], 1);
    show("a socket without data", splice(pair[0], NULL, ends[1], NULL, 10, 0));
    show("a pipe without data", splice(ends[0], NULL, pair[0], NULL, 10, SPLICE_F_NONBLOCK));
    set_nonblocking(pair[0], 0);
    set_nonblocking(ends[0], 1);
    show("a pipe that does not wait", splice(ends[0], NULL, pair[0], NULL, 10, 0));
    set_nonblocking(ends[0], 0);
    int alone = tcp(AF_INET);
    show("from a socket without a peer", splice(alone, NULL, ends[1], NULL, 10, 0));
    must("write", write(ends[1], "abc", 3));
    show("to a socket without a peer", splice(ends[0], NULL, alone, NULL, 10, 0));
    show_data("the pipe has it still", read(ends[0], buffer, sizeof buffer), buffer);
    close(alone);
}

/* A blocking socket with data: as much as was asked for and there is. */
static void pieces(int pair[2], int ends[2], int out[2]) {
    char buffer[32];
    must("send", send(pair[1], "one two three", 13, 0));
    wait_bytes(pair[0], 13);
    show("a part of what is there", splice(pair[0], NULL, ends[1], NULL, 4, SPLICE_F_MOVE));
    show("the rest", splice(pair[0], NULL, ends[1], NULL, 100, SPLICE_F_MOVE));
    show("a part of the pipe", splice(ends[0], NULL, out[0], NULL, 8, SPLICE_F_MORE));
    show("and all", splice(ends[0], NULL, out[0], NULL, 100, 0));
    show_data("received", recv_all(out[1], buffer, 13), buffer);
    int second[2];
    must("pipe", pipe(second));
    must("write", write(ends[1], "from pipe to pipe", 17));
    show("to another pipe", splice(ends[0], NULL, second[1], NULL, 9, 0));
    show_data("read", read(second[0], buffer, sizeof buffer), buffer);
    show_data("what stayed", read(ends[0], buffer, sizeof buffer), buffer);
    close(second[0]);
    close(second[1]);
}

/* All bytes of one connection to another, each side filling up in between. */
static void proxy(int pair[2], int ends[2], int out[2]) {
    static unsigned char data[SIZE], buffer[65536];
    for (size_t i = 0; i < SIZE; i++) data[i] = pattern(i);
    for (int i = 0; i < 2; i++) {
        set_nonblocking(pair[i], 1);
        set_nonblocking(out[i], 1);
    }
    size_t sent = 0, taken = 0, given = 0, received = 0;
    int wrong = 0;
    for (int round = 0; round < 100000 && received < SIZE; round++) {
        ssize_t count = send(pair[1], data + sent, SIZE - sent, MSG_NOSIGNAL);
        if (count > 0) sent += (size_t)count;
        count = splice(pair[0], NULL, ends[1], NULL, SIZE, SPLICE_F_NONBLOCK);
        if (count > 0) taken += (size_t)count;
        if (count < 0 && errno != EAGAIN) show("in", count);
        count = splice(ends[0], NULL, out[0], NULL, SIZE, SPLICE_F_NONBLOCK);
        if (count > 0) given += (size_t)count;
        if (count < 0 && errno != EAGAIN) show("out", count);
        count = recv(out[1], buffer, sizeof buffer, 0);
        for (ssize_t i = 0; i < count; i++) wrong |= buffer[i] != pattern(received + (size_t)i);
        if (count > 0) received += (size_t)count;
        if (taken < sent && count < 0) revents_now(pair[0], POLLIN, 10);
    }
    fact("all went through", taken == SIZE && given == SIZE && received == SIZE);
    fact("a byte was lost, doubled or moved", wrong);
    for (int i = 0; i < 2; i++) {
        set_nonblocking(pair[i], 0);
        set_nonblocking(out[i], 0);
    }
}

static void full_pipe(int pair[2], int ends[2]) {
    static char fill[4096];
    set_nonblocking(ends[1], 1);
    while (write(ends[1], fill, sizeof fill) > 0) continue;
    must("send", send(pair[1], "x", 1, 0));
    wait_readable(pair[0]);
    show("no room in the pipe", splice(pair[0], NULL, ends[1], NULL, 1, 0));
    set_nonblocking(ends[1], 0);
    show("without waiting for it", splice(pair[0], NULL, ends[1], NULL, 1, SPLICE_F_NONBLOCK));
    set_nonblocking(ends[0], 1);
    while (read(ends[0], fill, sizeof fill) > 0) continue;
    set_nonblocking(ends[0], 0);
    show("with room", splice(pair[0], NULL, ends[1], NULL, 1, 0));
    show_data("read", read(ends[0], fill, 8), fill);
}

static void ends_of_data(int pair[2], int ends[2], int out[2]) {
    char buffer[8];
    must("shutdown", shutdown(pair[1], SHUT_WR));
    wait_readable(pair[0]);
    show("a peer that has ended", splice(pair[0], NULL, ends[1], NULL, 10, 0));
    must("write", write(ends[1], "abc", 3));
    must("shutdown", shutdown(out[0], SHUT_WR));
    show("to a socket that was shut", splice(ends[0], NULL, out[0], NULL, 10, 0));
    show_data("the pipe has it still", read(ends[0], buffer, sizeof buffer), buffer);
    close(ends[1]);
    show("a pipe without a writer", splice(ends[0], NULL, pair[0], NULL, 10, 0));
    must("pipe", pipe(ends));
    must("send", send(out[1], "x", 1, 0));
    wait_readable(out[0]);
    close(ends[0]);
    show("a pipe without a reader", splice(out[0], NULL, ends[1], NULL, 10, 0));
    close(ends[1]);
}

int main(int argc, char **argv) {
    int pair[2], out[2], ends[2];
    scratch(argc, argv);
#ifndef __wasi__
    signal(SIGPIPE, SIG_IGN);
#endif
    tcp_pair(AF_INET, pair);
    tcp_pair(AF_INET, out);
    must("pipe", pipe(ends));
    refusals(pair, ends);
    nothing_there(pair, ends);
    pieces(pair, ends, out);
    proxy(pair, ends, out);
    full_pipe(pair, ends);
    ends_of_data(pair, ends, out);
    return 0;
}
