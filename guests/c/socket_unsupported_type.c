/* A type that exists, of a family that lacks it. socket(2): ESOCKTNOSUPPORT. */
#include "t.h"

int main(void) {
    show_fd("type 0", socket(AF_INET, 0, 0));
    show_fd("IPv4 SOCK_RDM", socket(AF_INET, SOCK_RDM, 0));
    show_fd("IPv6 SOCK_RDM", socket(AF_INET6, SOCK_RDM, 0));
    return 0;
}
