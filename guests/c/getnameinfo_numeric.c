/* getnameinfo with NI_NUMERICHOST and NI_NUMERICSERV. getnameinfo(3). */
#include "t.h"

static void run(const char *what, struct addr a) {
    char host[NI_MAXHOST] = "?", service[NI_MAXSERV] = "?";
    int error = getnameinfo(&a.sa, a.len, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
    printf("%s: %d %s %s\n", what, error, host, service);
}

int main(void) {
    run("v4", ip("127.0.0.1", 80));
    run("v4 wildcard", ip("0.0.0.0", 0));
    run("v6", ip("::1", 65535));
    run("v6 with zeros", ip("2001:db8:0:0:1:0:0:1", 53));
    run("v4-mapped", ip("::ffff:192.0.2.1", 1));
    char host[8] = "";
    struct addr a = ip("192.0.2.1", 1);
    fact("a small buffer fails", getnameinfo(&a.sa, a.len, host, 4, NULL, 0, NI_NUMERICHOST) == EAI_OVERFLOW);
    a.sa.sa_family = 77;
    fact("another family fails", getnameinfo(&a.sa, a.len, host, sizeof host, NULL, 0, NI_NUMERICHOST) == EAI_FAMILY);
    return 0;
}
