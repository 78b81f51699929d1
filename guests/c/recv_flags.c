/* recv's flags together, and one that means nothing to a receiver. recv(2). */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    char buffer[8];
    must("send", send(pair[0], "abc", 3, MSG_NOSIGNAL));
    wait_bytes(pair[1], 3);
    show_data("recv MSG_NOSIGNAL", recv(pair[1], buffer, 1, MSG_NOSIGNAL), buffer);
    show_data("recv MSG_PEEK|MSG_WAITALL|MSG_DONTWAIT", recv(pair[1], buffer, 2, MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT),
              buffer);
    show_data("recv MSG_DONTWAIT|MSG_WAITALL", recv(pair[1], buffer, 8, MSG_DONTWAIT | MSG_WAITALL), buffer);
    return 0;
}
