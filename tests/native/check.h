/* check.h - what the test programs share: a check that says where it failed, random numbers, hexadecimal. */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* splitmix64 by Sebastiano Vigna: every seed, 0 too, begins another good sequence. */
static inline uint64_t random_next(uint64_t *seed) {
    uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* The bytes that `text` begins with as hexadecimal digits; answers how many. */
static inline size_t from_hex(const char *text, uint8_t *to) {
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;
    for (const char *high, *low; text[0] != 0 && (high = strchr(digits, text[0])) != NULL; text += 2) {
        CHECK(text[1] != 0 && (low = strchr(digits, text[1])) != NULL);
        to[size++] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return size;
}

/* From 0 up to below `bound`. */
static inline uint32_t random_below(uint64_t *seed, uint32_t bound) { return (uint32_t)(random_next(seed) % bound); }

#endif
