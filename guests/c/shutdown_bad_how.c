/* shutdown with a direction that does not exist. shutdown(2): EINVAL. */
#include "t.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    show("99", shutdown(pair[0], 99));
    show("-1", shutdown(pair[0], -1));
    show("send still works", send(pair[0], "x", 1, MSG_NOSIGNAL));
    return 0;
}
