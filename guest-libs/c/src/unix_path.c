/* UNIX socket paths relative to the working directory. WASI has no working directory: wasi-libc keeps one, and hosts
 * see absolute paths. Linux gives a name back as it was bound, so relative names are kept here by their absolute
 * ones. */
#include "unix_path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bound {
    struct bound *next;
    char host[GN_PATH_ROOM];
    char given[GN_PATH_ROOM];
};
static struct bound *names;

int __gn_path_for_host(const char *path, size_t len, char host[GN_PATH_ROOM]) {
    char directory[GN_PATH_ROOM] = "";
    if (path[0] != '/' && getcwd(directory, sizeof directory) == NULL) return errno == ERANGE ? ENAMETOOLONG : errno;
    /* In the root a relative path stays as it is: the directory that was given to the guest may be called ".". */
    size_t prefix = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    size_t slash = prefix != 0;
    if (prefix + slash + len >= GN_PATH_ROOM) return ENAMETOOLONG;
    memcpy(host, directory, prefix);
    if (slash) host[prefix] = '/';
    memcpy(host + prefix + slash, path, len);
    host[prefix + slash + len] = '\0';
    return 0;
}

static struct bound *find(const char *host) {
    for (struct bound *name = names; name != NULL; name = name->next)
        if (strcmp(name->host, host) == 0) return name;
    return NULL;
}

void __gn_path_bound(const char *path, size_t len, const char *host) {
    struct bound *name = find(host);
    bool same = len == strlen(host) && memcmp(path, host, len) == 0;
    if (name == NULL) {
        if (same) return;
        name = calloc(1, sizeof *name);
        if (name == NULL) return; /* then the name that getsockname gives later is the absolute one */
        name->next = names;
        names = name;
        strcpy(name->host, host);
    }
    memcpy(name->given, path, len);
    name->given[len] = '\0';
}

const char *__gn_path_given(const char *host) {
    const struct bound *name = find(host);
    return name != NULL ? name->given : host;
}
