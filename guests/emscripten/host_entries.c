/* What gethostbyname2 and gethostbyaddr give for names and addresses that a server knows: `4 NAME`, `6 NAME`, or `by ADDRESS`. */
#include "../c/t.h"

static void show_host(const struct hostent *host) {
    if (host == NULL) {
        const char *codes[] = {"0", "HOST_NOT_FOUND", "TRY_AGAIN", "NO_RECOVERY", "NO_DATA"};
        printf(" %s\n", h_errno >= 0 && h_errno <= 4 ? codes[h_errno] : "NETDB_INTERNAL");
        return;
    }
    printf(" %s", host->h_name);
    for (char **each = host->h_aliases; *each != NULL; each++) printf(" = %s", *each);
    for (char **each = host->h_addr_list; *each != NULL; each++) {
        char text[INET6_ADDRSTRLEN] = "?";
        printf(" %s", inet_ntop(host->h_addrtype, *each, text, sizeof text));
    }
    printf("\n");
}

int main(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        printf("%s %s:", argv[i], argv[i + 1]);
        h_errno = 0;
        if (strcmp(argv[i], "by") != 0) {
            show_host(gethostbyname2(argv[i + 1], argv[i][0] == '6' ? AF_INET6 : AF_INET));
            continue;
        }
        unsigned char address[16];
        int family = strchr(argv[i + 1], ':') != NULL ? AF_INET6 : AF_INET;
        if (inet_pton(family, argv[i + 1], address) != 1) return 2;
        show_host(gethostbyaddr(address, family == AF_INET ? 4 : 16, family));
    }
    return 0;
}
