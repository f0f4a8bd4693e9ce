/* An atom with libc: printf, malloc and the turn's memory side by side. See test_sdk_libc.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "radon.h"

static char *kept; /* malloc's memory outlives the turn */

RADON_RECEIVE(message, body) {
    static int turns;
    if (kept == NULL) kept = strdup("kept");
    char *large = malloc(300000);
    uint8_t *block = radon_alloc(300000);
    size_t used = radon_turn_used();
    for (int times = 0; times < 1000; times++) {
        memset(radon_alloc(300000), 'x', 300000);
        radon_turn_release(used);
    }
    if (radon_turn_used() != used) return radon_fail("not released");
    memset(large, 'l', 300000);
    memset(block, 'b', 300000);
    if (large[299999] != 'l' || block[0] != 'b' || strcmp(kept, "kept") != 0) return radon_fail("overwritten");
    free(large);
    printf("turn %d: %.*s %.3f\n", ++turns, (int)body.len, (const char *)body.data, turns / 3.0);
    fflush(stdout);
    return RADON_DONE;
}
