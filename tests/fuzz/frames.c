/* The decoder of records (frames.c): whatever the bytes, it reads nothing outside of them and ends.
 *
 * As long as there is no frames.c, this only shows that the machinery works. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __has_include("frames.h")
#include "frames.h"
#else
static int frames_check(const uint8_t *body, size_t size) { return size == 0 || body[size - 1] != body[0]; }
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *body = malloc(size); /* exactly as long, so that ASan sees the first byte too many */
    if (size > 0) memcpy(body, data, size);
    frames_check(body, size);
    free(body);
    return 0;
}
