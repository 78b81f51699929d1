/* The socket options: by which road each one reaches the host. */
#ifndef GUESTNET_OPTION_H
#define GUESTNET_OPTION_H

#include <sys/socket.h>

#include "fd.h"

enum gn_road {
    GN_ROAD_NONE,   /* unknown, or nothing an ABI can say */
    GN_ROAD_INT,    /* sock_{get,set}sockopt with an int */
    GN_ROAD_TIME,   /* the same with a struct timeval */
    GN_ROAD_LINGER, /* the same with a struct linger */
    GN_ROAD_NAME,   /* the same with a string */
    GN_ROAD_BYTES,  /* the same with bytes, as many as there are */
    GN_ROAD_FACT,   /* read-only, known without sock_getsockopt: option_fact.c */
    GN_ROAD_WAMR,   /* a function of WAMR's lib-socket: option_wamr.c */
};

struct gn_option {
    int level; /* POSIX */
    int name;
    enum gn_road road;
    int host_level;
    int host_name;
    bool read_only;
};

/* The entry of an option; one of GN_ROAD_NONE when there is none. */
const struct gn_option *__gn_option(int level, int name);

/* What Linux says of an option that it does not have, by the kind of socket. Gives an errno. */
int __gn_option_unknown(int fd, int level, bool setting);

/* The value of a GN_ROAD_FACT option. Gives an errno. */
int __gn_fact(int fd, int name, int *value);

/* GN_ROAD_WAMR options. Give an errno. */
int __gn_wamr_get(int fd, const struct gn_option *, int *value);
int __gn_wamr_set(int fd, const struct gn_option *, const void *value, socklen_t len);

#endif
