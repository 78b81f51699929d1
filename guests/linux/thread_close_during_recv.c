/* A descriptor that is closed while another thread receives from it: the call keeps the socket, and what comes still
 * arrives there. The number may already mean another socket. close(2), "Multithreaded processes and close()". */
#include "threads.h"

int main(void) {
    int pair[2];
    tcp_pair(AF_INET, pair);
    udp(AF_INET); /* takes the number of the listener, so that the next one is that which is closed */
    struct call call = {.fd = pair[1], .size = 4};
    pthread_t thread = start(receive, &call);
    wait_under_way(&call, pair[0]);
    show("close", close(pair[1]));
    int other = udp_bound(AF_INET);
    fact("the number is used again", other == pair[1]);
    show("send to the new one", send_to(other, "new", 3, local_addr(other)));
    show("send to the old one", send(pair[0], "old", 3, MSG_NOSIGNAL));
    show_call("recv", thread, &call);
    char buffer[8];
    wait_readable(other);
    show_data("recv of the new one", recv(other, buffer, sizeof buffer, 0), buffer);
    return 0;
}
