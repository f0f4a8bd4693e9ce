/* locks.c - see locks.h. A key is known by its hash: of two keys with the same one, only one is locked at a time. */
#include "locks.h"

/* What a new instance has to find again, which must fit into its memory and the time of a turn. */
#define LOCKS 32767
#define BYTES (16 << 20)

#define CHAINS 4096

typedef struct {
    uint64_t hash;
    uint16_t next; /* in its chain, or among the unused; 0: none */
    uint8_t mode;
    uint8_t holder[KV_TRANSACTION];
} locked;

static locked all[1 + LOCKS]; /* the first one is of no key */
static uint16_t chains[CHAINS], unused, made;
static size_t count, bytes;

/* Where its index is, or would be: 0. */
static uint16_t *place_of(uint64_t hash) {
    uint16_t *at = &chains[hash % CHAINS];
    while (*at != 0 && all[*at].hash != hash) at = &all[*at].next;
    return at;
}

lock lock_of(radon_bytes key, radon_bytes *holder) {
    const locked *it = &all[count > 0 ? *place_of(kv_hash(key)) : 0];
    *holder = (radon_bytes){it->holder, KV_TRANSACTION};
    return (lock)it->mode;
}

bool locks_any(void) { return count > 0; }

bool locks_fit(size_t requests, size_t size) { return requests <= LOCKS - count && size <= BYTES - bytes; }

static void take(uint16_t *at, uint64_t hash, lock mode, radon_bytes name) {
    if (*at == 0) {
        *at = unused != 0 ? unused : ++made;
        unused = all[*at].next;
        all[*at] = (locked){.hash = hash};
        memcpy(all[*at].holder, name.data, KV_TRANSACTION);
        count++;
    }
    if (mode > all[*at].mode) all[*at].mode = (uint8_t)mode;
}

static void release(uint16_t *at) {
    uint16_t index = *at;
    if (index == 0) return; /* the transaction has named the key before */
    *at = all[index].next;
    all[index].next = unused;
    unused = index;
    count--;
}

void locks_set(radon_bytes name, radon_bytes what, bool held) {
    radon_bytes rest = what, items, body;
    request next;
    bytes += held ? what.len : -what.len;
    kv_take_key(&rest, &items);
    while (kv_take_key(&items, &body) && request_split(body, &next) == KV_OK) {
        uint64_t hash = kv_hash(next.key);
        if (held) take(place_of(hash), hash, next.op == KV_GET ? READ : WRITTEN, name);
        else release(place_of(hash));
    }
}
