/* SO_RCVTIMEO ends a recv that is blocked in a thread, and other threads go on meanwhile. socket(7). */
#include "threads.h"

int main(void) {
    int pair[2], other[2];
    char buffer[16];
    tcp_pair(AF_INET, pair);
    tcp_pair(AF_INET, other);
    struct timeval time = {.tv_usec = 200000};
    must("SO_RCVTIMEO", setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    struct call call = {.fd = pair[1], .size = 6};
    pthread_t thread = start(receive, &call);
    wait_under_way(&call, pair[0]);
    long began = now_ms();
    must("send", send(other[0], "meanwhile", 9, MSG_NOSIGNAL));
    show_data("recv elsewhere", recv(other[1], buffer, sizeof buffer, 0), buffer);
    show_call("recv", thread, &call);
    fact("it took less than 5 s", now_ms() - began < 5000);
    return 0;
}
