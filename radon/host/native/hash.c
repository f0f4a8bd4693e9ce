/* hash.c - what hash.h declares: FNV-1a after Fowler, Noll and Vo; the finaliser by Austin Appleby, because FNV alone
 * spreads short keys badly over small moduli.
 */
#include "hash.h"

static const uint64_t beginning = UINT64_C(0xCBF29CE484222325);

/* The hash of some bytes, which are not the last, and of those before them. */
static uint64_t add(uint64_t h, const void *data, size_t size) {
    const uint8_t *bytes = data;
    for (size_t index = 0; index < size; index++) h = (h ^ bytes[index]) * UINT64_C(0x100000001B3);
    return h;
}

static uint64_t finish(uint64_t h) {
    h = (h ^ h >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
    h = (h ^ h >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
    return h ^ h >> 33;
}

uint64_t stable_hash(const void *data, size_t size) { return finish(add(beginning, data, size)); }

uint32_t domain_of(const void *kind, size_t kind_size, const void *key, size_t key_size, uint32_t domains) {
    return (uint32_t)(finish(add(add(add(beginning, kind, kind_size), "/", 1), key, key_size)) % domains);
}
