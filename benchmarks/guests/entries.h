/* entries.h - the entries of a large bucket, the same for guests and floors: 16-byte keys in no order, 256-byte values.
 */
#pragma once

#include <stdint.h>

enum { KEY = 16, VALUE = 256 };

/* The key of entry `index`: neighbours lie far apart. */
static inline void key_of(uint64_t index, uint8_t key[KEY]) {
    uint64_t scattered = index * UINT64_C(0x9E3779B97F4A7C15);
    __builtin_memcpy(key, &scattered, 8);
    __builtin_memcpy(key + 8, &index, 8);
}

/* The next of a row of indices below `count` in no order, the same for the same beginning. */
static inline uint64_t next_index(uint64_t *row, uint64_t count) {
    *row = *row * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*row >> 33) % count;
}
