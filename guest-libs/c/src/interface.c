/* net/if.h: no ABI of WASI has a function that names an interface, so that every function here fails as for one that does not
 * exist. What the host lets a guest reach does not depend on it. */
#include <errno.h>
#include <net/if.h>
#include <stddef.h>

#include "fd.h"

unsigned int if_nametoindex(const char *name) {
    (void)name;
    errno = ENODEV;
    return 0;
}

char *if_indextoname(unsigned int index, char *name) {
    (void)index, (void)name;
    errno = ENXIO;
    return NULL;
}

struct if_nameindex *if_nameindex(void) {
    errno = ENOSYS;
    return NULL;
}

void if_freenameindex(struct if_nameindex *list) { (void)list; }
