/* hash.c - what hash.h declares: FNV-1a after Fowler, Noll and Vo; the finaliser by Austin Appleby, because FNV alone
 * spreads short keys badly over small moduli.
 */
#include "hash.h"

#include <string.h>

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

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

/* Whether a key ends as that of a replica; then also the number of it, and the size of the key of its shard. */
static bool ends_as_replica(const uint8_t *key, size_t *size, uint32_t *replica) {
    if (*size < 2 || key[0] != '#' || key[*size - 2] != '+' || !is_digit(key[*size - 1])) return false;
    *replica = (uint32_t)(key[*size - 1] - '0');
    *size -= 2;
    return true;
}

/* The atom that a topic is beside, as its name says behind the last "@", takes the place of the topic. */
static void go_beside(const uint8_t **kind, size_t *kind_size, const uint8_t **key, size_t *key_size) {
    static const char topic[] = "@topic";
    if (*key_size == 0 || *kind_size != sizeof topic - 1 || memcmp(*kind, topic, *kind_size) != 0) return;
    size_t at = *key_size;
    while (at > 0 && (*key)[at - 1] != '@') at--;
    const uint8_t *beside = *key + at, *slash = at > 0 ? memchr(beside, '/', *key_size - at) : NULL;
    if (slash == NULL) return;
    *kind = beside, *kind_size = (size_t)(slash - beside);
    *key_size -= at + *kind_size + 1;
    *key = slash + 1;
}

uint32_t domain_of(const void *kind_, size_t kind_size, const void *key_, size_t key_size, uint32_t domains) {
    const uint8_t *kind = kind_, *key = key_;
    uint32_t away = 0;
    go_beside(&kind, &kind_size, &key, &key_size);
    ends_as_replica(key, &key_size, &away);
    uint64_t home = finish(add(add(add(beginning, kind, kind_size), "/", 1), key, key_size)) % domains;
    return (uint32_t)((home + away) % domains);
}

/* Digits that make a number below the bound. */
static bool read_below(const uint8_t *digits, size_t size, uint32_t bound, uint32_t *out) {
    uint64_t number = 0;
    size_t at = 0;
    while (at < size && is_digit(digits[at]) && number < bound) number = 10 * number + (uint64_t)(digits[at++] - '0');
    *out = (uint32_t)number;
    return size > 0 && at == size && number < bound;
}

uint32_t shard_of(const void *key, size_t size, uint32_t shards) {
    const uint8_t *bytes = key;
    uint32_t named;
    if (size > 0 && bytes[0] == '#' && read_below(bytes + 1, size - 1, shards, &named)) return named;
    return (uint32_t)(stable_hash(key, size) % shards);
}

bool names_replica(const void *key, size_t size, uint32_t shards, uint32_t replicas) {
    const uint8_t *bytes = key;
    uint32_t replica, shard;
    return ends_as_replica(bytes, &size, &replica) && replica > 0 && replica < replicas &&
           read_below(bytes + 1, size - 1, shards, &shard) && (bytes[1] != '0' || size == 2);
}
