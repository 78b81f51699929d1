/* release.h: what redis's build would say of the tree it is built from. */
#define REDIS_GIT_SHA1 "00000000"
#define REDIS_GIT_DIRTY "0"
#define REDIS_BUILD_ID "guestnet"
