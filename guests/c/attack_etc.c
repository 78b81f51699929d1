/* attack_etc: what is in the /etc that a guest finds, and what it can do to it. Prints the names, the lines of those
 * that are named as arguments, and the errno of each attempt to change something or to get out. */
#include "t.h"

#ifndef __wasi__

int main(void) {
    fprintf(stderr, "this changes /etc: it does nothing natively\n");
    return 2;
}

#else

#include <dirent.h>
#include <stdio.h>

static void try(const char *what, int result) { printf("%s: %s\n", what, result < 0 ? errno_name(errno) : "ok"); }
#define TRY(call) try(#call, call)

static int by_name(const void *a, const void *b) { return strcmp((const char *)a, (const char *)b); }

static void list(void) {
    static char names[32][64];
    size_t count = 0;
    DIR *directory = opendir("/etc");
    if (directory == NULL) {
        printf("no /etc: %s\n", errno_name(errno));
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL && count < 32;)
        if (entry->d_name[0] != '.') snprintf(names[count++], sizeof names[0], "%s", entry->d_name);
    closedir(directory);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) printf("%s%s", i == 0 ? "/etc: " : " ", names[i]);
    printf("\n");
}

static void show_file(const char *name) {
    char path[128], line[512];
    snprintf(path, sizeof path, "/etc/%s", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) printf("%s: %s\n", name, errno_name(errno));
    while (file != NULL && fgets(line, sizeof line, file) != NULL) printf("%s: %s", name, line);
    if (file != NULL) fclose(file);
}

int main(int argc, char **argv) {
    list();
    for (int i = 1; i < argc; i++) show_file(argv[i]);
    TRY(open("/etc/new", O_WRONLY | O_CREAT, 0600));
    TRY(open("/etc/hosts", O_WRONLY));
    TRY(open("/etc/hosts", O_RDWR));
    TRY(open("/etc/hosts", O_WRONLY | O_TRUNC));
    TRY(open("/etc/hosts", O_WRONLY | O_APPEND));
    TRY(unlink("/etc/hosts"));
    TRY(rename("/etc/hosts", "/etc/other"));
    TRY(link("/etc/hosts", "/etc/other"));
    TRY(symlink("/", "/etc/root"));
    TRY(symlink("..", "/etc/up"));
    TRY(mkdir("/etc/sub", 0700));
    TRY(rmdir("/etc"));
    TRY(open("/etc/../etc/passwd", O_RDONLY));
    TRY(open("/etc/..", O_RDONLY));
    TRY(open("/etc/passwd", O_RDONLY));
    int fd = open("/etc/hosts", O_RDONLY);
    TRY(fd);
    if (fd >= 0) {
        TRY((int)write(fd, "x", 1));
        TRY(ftruncate(fd, 0));
        struct timespec times[2] = {{0, 0}, {0, 0}};
        TRY(futimens(fd, times));
    }
    list();
    return 0;
}

#endif
