/* records.h - keys and values, which tell whose they are: whoever reads a value knows whether it belongs to its key.
 *
 * A key is "user" and 16 hexadecimal digits of its id, stirred, so that neighbours lie far apart. A value is a salt (which
 * write it was), a check sum of all that it depends on, and words that follow from both: no byte of it is arbitrary.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"

/* The finaliser of MurmurHash3, which can be undone. */
static inline uint64_t record_stir(uint64_t x) {
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static inline uint64_t record_unstir(uint64_t x) {
    x = (x ^ x >> 33) * UINT64_C(0x9cb4b2f8129337db);
    x = (x ^ x >> 33) * UINT64_C(0x4f74430c22a54005);
    return x ^ x >> 33;
}

static inline void record_key(uint64_t id, uint8_t key[LOAD_KEY]) {
    uint64_t stirred = record_stir(id);
    __builtin_memcpy(key, "user", 4);
    for (int at = LOAD_KEY - 1; at >= 4; at--, stirred >>= 4) key[at] = (uint8_t)"0123456789abcdef"[stirred & 15];
}

/* UINT64_MAX where it is no such key. */
static inline uint64_t record_id(const uint8_t key[LOAD_KEY]) {
    uint64_t stirred = 0;
    if (__builtin_memcmp(key, "user", 4) != 0) return UINT64_MAX;
    for (int at = 4; at < LOAD_KEY; at++) {
        uint8_t digit = key[at];
        bool decimal = digit >= '0' && digit <= '9';
        if (!decimal && (digit < 'a' || digit > 'f')) return UINT64_MAX;
        stirred = stirred << 4 | (uint64_t)(decimal ? digit - '0' : digit - 'a' + 10);
    }
    return record_unstir(stirred);
}

/* Word `n` of a value, from 1 on; word 0 is salt and check sum, its halves. */
static inline uint64_t record_word(uint64_t root, uint32_t n) { return root + n * UINT64_C(0x9e3779b97f4a7c15); }

static inline uint64_t record_root(uint64_t id, uint32_t salt, uint32_t size) {
    return record_stir(record_stir(id) ^ ((uint64_t)salt << 32 | size));
}

static inline uint64_t record_head(uint64_t root, uint32_t salt) { return (root & ~UINT64_C(0xffffffff)) | salt; }

/* A value too short for a salt is always the same. */
static inline void record_value(uint64_t id, uint32_t salt, uint8_t *value, uint32_t size) {
    if (size < 8) salt = 0;
    uint64_t root = record_root(id, salt, size), word = size < 8 ? root : record_head(root, salt);
    uint32_t n = 0;
    for (; size >= 8; size -= 8, value += 8, word = record_word(root, ++n)) __builtin_memcpy(value, &word, 8);
    __builtin_memcpy(value, &word, size);
}

static inline bool record_is(uint64_t id, const uint8_t *value, uint32_t size) {
    uint32_t salt = 0;
    if (size >= 8) __builtin_memcpy(&salt, value, 4);
    uint64_t root = record_root(id, salt, size), word = size < 8 ? root : record_head(root, salt), found, other = 0;
    uint32_t n = 0;
    for (; size >= 8; size -= 8, value += 8, word = record_word(root, ++n)) {
        __builtin_memcpy(&found, value, 8);
        other |= found ^ word;
    }
    return other == 0 && __builtin_memcmp(value, &word, size) == 0;
}
