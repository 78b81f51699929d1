/* gai.h: prints what getaddrinfo answers; for the gai_ programs. Included after t.h. */
#ifndef GUESTNET_GAI_H
#define GUESTNET_GAI_H

/* The name of an EAI code. musl has no EAI_NODATA: it says EAI_NONAME. */
static const char *eai_name(int code) {
    switch (code) {
    case 0: return "0";
    case EAI_BADFLAGS: return "EAI_BADFLAGS";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_FAMILY: return "EAI_FAMILY";
    case EAI_SOCKTYPE: return "EAI_SOCKTYPE";
    case EAI_SERVICE: return "EAI_SERVICE";
    case EAI_MEMORY: return "EAI_MEMORY";
    case EAI_SYSTEM: return "EAI_SYSTEM";
    case EAI_OVERFLOW: return "EAI_OVERFLOW";
#ifdef EAI_NODATA
    case EAI_NODATA: return "EAI_NODATA";
#endif
    default: return "another EAI code";
    }
}

/* Prints and gives back what getaddrinfo returned. */
T_UNUSED static int show_eai(const char *what, int code) {
    printf("%s: %s\n", what, eai_name(code));
    return code;
}

/* Looks up and prints every stream and datagram result with its port; raw sockets, which only glibc lists, are left
 * out. */
T_UNUSED static void look_up(const char *what, const char *host, const char *service, const struct addrinfo *hints) {
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, service, hints, &list);
    printf("%s: %s\n", what, eai_name(error));
    if (error != 0) return;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        char text[INET6_ADDRSTRLEN] = "?";
        int port = -1;
        if (a->ai_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a->ai_addr;
            inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
            port = ntohs(in->sin_port);
        } else if (a->ai_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a->ai_addr;
            inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
            port = ntohs(in6->sin6_port);
        }
        if (a->ai_socktype != SOCK_STREAM && a->ai_socktype != SOCK_DGRAM) continue;
        printf("  %s %d %s %s\n", text, port, a->ai_socktype == SOCK_STREAM ? "SOCK_STREAM" : "SOCK_DGRAM",
               a->ai_protocol == IPPROTO_TCP   ? "IPPROTO_TCP"
               : a->ai_protocol == IPPROTO_UDP ? "IPPROTO_UDP"
                                               : "another protocol");
    }
    freeaddrinfo(list);
}

/* Whether a look-up fails; for failures whose code differs between C libraries. */
T_UNUSED static int fails(const char *host, const char *service, const struct addrinfo *hints) {
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, service, hints, &list);
    if (error == 0) freeaddrinfo(list);
    return error != 0;
}

#endif
