/* hash.c - what hash.h declares: FNV-1a after Fowler, Noll and Vo; the finaliser by Austin Appleby, because FNV alone
 * spreads short keys badly over small moduli.
 */
#include "hash.h"

uint64_t stable_hash(const void *data, size_t size) {
    const uint8_t *bytes = data;
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (size_t index = 0; index < size; index++) h = (h ^ bytes[index]) * UINT64_C(0x100000001B3);
    h = (h ^ h >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
    h = (h ^ h >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
    return h ^ h >> 33;
}
