/* call main|thread COUNT: what one call costs that moves nothing, a receive on a socket that has nothing to give.
 *
 * Prints the time of a call in nanoseconds: that of the fastest and of the median of CHUNKS times COUNT calls. On a
 * thread the caller waits meanwhile in pthread_join. */
#include "bench.h"

#if !defined(__wasi__) && (!defined(__EMSCRIPTEN__) || defined(__EMSCRIPTEN_PTHREADS__))
#include <pthread.h>
#define THREADS 1
#else
#define THREADS 0
#endif

#define CHUNKS 25

static uint64_t times[CHUNKS];

static int by_time(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void *measure(void *argument) {
    uint64_t count = *(uint64_t *)argument;
    int fd = bound(SOCK_DGRAM);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        char byte;
        uint64_t start = nanoseconds();
        for (uint64_t i = 0; i < count; i++)
            if (recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN) fail("recv");
        times[chunk] = (nanoseconds() - start) / count;
    }
    must("close", close(fd));
    return NULL;
}

int main(int argc, char **argv) {
    uint64_t count = number(argc, argv, 2);
    if (strcmp(argv[1], "thread") != 0) {
        measure(&count);
    } else {
#if THREADS
        pthread_t thread;
        if (pthread_create(&thread, NULL, measure, &count) != 0) fail("pthread_create");
        if (pthread_join(thread, NULL) != 0) fail("pthread_join");
#else
        fprintf(stderr, "call: built without threads\n");
        return 1;
#endif
    }
    qsort(times, CHUNKS, sizeof *times, by_time);
    printf("%llu %llu\n", (unsigned long long)times[0], (unsigned long long)times[CHUNKS / 2]);
    return 0;
}
