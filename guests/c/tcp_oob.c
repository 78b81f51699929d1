/* Urgent data: MSG_OOB, apart from the stream and in it with SO_OOBINLINE. tcp(7). wasip1 cannot say it: its flags
 * have no MSG_OOB. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[8];
    show("recv MSG_OOB, none", recv(pair[1], buffer, 1, MSG_OOB));
    show("send", send(pair[0], "ab", 2, MSG_NOSIGNAL));
    show("send MSG_OOB", send(pair[0], "!", 1, MSG_NOSIGNAL | MSG_OOB));
    show("send", send(pair[0], "cd", 2, MSG_NOSIGNAL));
    fact("POLLPRI", wait_for(pair[1], POLLPRI) & POLLPRI);
    show_data("recv MSG_OOB", recv(pair[1], buffer, 1, MSG_OOB), buffer);
    wait_bytes(pair[1], 2);
    show_data("recv up to the mark", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    wait_bytes(pair[1], 2);
    show_data("recv behind it", recv(pair[1], buffer, sizeof buffer, 0), buffer);
    return 0;
}
