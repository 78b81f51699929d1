/* app_spin: prints "spinning" and never ends nor calls the host again; for tests of --timeout and Ctrl-C. */
#include "t.h"

int main(void) {
    printf("spinning\n");
    for (volatile unsigned long i = 0;; i++) continue;
}
