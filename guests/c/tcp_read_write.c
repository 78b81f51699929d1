/* read, write and close are recv, send and the end on a socket. socket(7). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[32];
    show("write", write(pair[0], "one", 3));
    show_data("read", read(pair[1], buffer, sizeof buffer), buffer);
    show("write", write(pair[1], "three", 5));
    show_data("read 2", read(pair[0], buffer, 2), buffer);
    show_data("read the rest", read(pair[0], buffer, sizeof buffer), buffer);
    set_nonblocking(pair[0], 1);
    show("read nothing", read(pair[0], buffer, sizeof buffer));
    show("close", close(pair[1]));
    wait_readable(pair[0]);
    show("read at the end", read(pair[0], buffer, sizeof buffer));
    show("read at the end", read(pair[0], buffer, sizeof buffer));
    return 0;
}
