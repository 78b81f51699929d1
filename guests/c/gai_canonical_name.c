/* AI_CANONNAME gives a numeric host back as it is. getaddrinfo(3). */
#include "t.h"
#include "gai.h"

int main(void) {
    struct addrinfo hints = {
        .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_CANONNAME};
    struct addrinfo *list = NULL;
    show_eai("getaddrinfo", getaddrinfo("127.0.0.1", "80", &hints, &list));
    if (list == NULL) return 0;
    printf("canonical name: %s\n", list->ai_canonname ? list->ai_canonname : "none");
    freeaddrinfo(list);
    return 0;
}
