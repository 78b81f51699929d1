/* Memory grows while a thread is blocked in recv: what it receives still goes to its buffer. On Linux this says
 * nothing special; in a sandbox the memory may move under the call. */
#include "threads.h"

#define BLOCKS 32
#define BLOCK (2u << 20)

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    struct call call = {.fd = pair[1], .size = 13};
    pthread_t thread = start(receive, &call);
    wait_under_way(&call, pair[0]);
    unsigned char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK);
        if (blocks[i] == NULL) {
            printf("cannot go on, there is no memory\n");
            return 1;
        }
        memset(blocks[i], i, BLOCK);
    }
    must("send", send(pair[0], "after growth", 12, MSG_NOSIGNAL));
    show_call("recv", thread, &call);
    /* A receive into memory that was not there when the socket was opened. */
    must("send", send(pair[0], "into the new", 12, MSG_NOSIGNAL));
    wait_readable(pair[1]);
    show_data("recv", recv(pair[1], blocks[BLOCKS - 1], 12, 0), blocks[BLOCKS - 1]);
    int right = 1;
    for (int i = 0; i < BLOCKS - 1; i++) right &= blocks[i][0] == i && blocks[i][BLOCK - 1] == i;
    fact("the rest is as it was", right);
    return 0;
}
