/* Memory that grows between two calls: by Emscripten's function, and by the instruction alone, of which no JavaScript hears. A call
 * then has the memory as it is, or EFAULT, and never what was there before. Nothing else is the oracle here. */
#include "../c/t.h"
#include <emscripten/heap.h>

#define PAGE 65536

static int pair[2];
static char bytes[8];

/* Receives a byte that was sent before: 1, or a negated errno. */
static int take(char *at) {
    if (recv(pair[0], at, 1, 0) != 1) return -errno;
    return *(volatile char *)at == 'x' ? 1 : 0;
}

/* Sends a byte and receives it. */
static int receive(char *at) {
    return send(pair[1], "x", 1, 0) == 1 ? take(at) : -errno;
}

static const char *outcome(int result) {
    if (result == 1) return "received";
    return result == -EFAULT ? "EFAULT" : "wrong";
}

/* The size in bytes. */
static size_t size(void) {
    return __builtin_wasm_memory_size(0) * PAGE;
}

int main(void) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    printf("at first: %s\n", outcome(receive(bytes)));

    char *end = (char *)size();
    printf("behind the end: %s\n", outcome(receive(end)));
    recv(pair[0], bytes, 1, 0);
    printf("grown: %d\n", emscripten_resize_heap(size() + PAGE));
    printf("there: %s\n", outcome(receive(end)));

    /* Nothing is printed until JavaScript has the memory again, and the views that it has show nothing. */
    if (send(pair[1], "x", 1, 0) != 1) return 1;
    end = (char *)size();
    int grown = __builtin_wasm_memory_grow(0, 16) != -1ul;
    int before = take(bytes), behind = take(end), sent = receive(bytes);
    int resized = emscripten_resize_heap(size() + PAGE);
    printf("grown by the instruction: %d %d\n", grown, resized);
    printf("a place from before: %s, a new one: %s, a send: %s\n", outcome(before), outcome(behind), outcome(sent));
    printf("what was sent before: %s\n", outcome(take(bytes)));
    printf("then: %s, %s\n", outcome(receive(bytes)), outcome(receive((char *)size() - 1)));
    return 0;
}
