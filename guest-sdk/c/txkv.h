/* txkv.h - how atoms in C talk to the standard atom `txkv`: transactions over the shards of stores. docs/txkv.md has the
 * messages.
 *
 *     static kv_store store = {.kind = "kv", .shards = 16}, coordinators = {.kind = "tx", .shards = 4};
 *
 *     txkv all = {0};
 *     txkv_add(&all, &store, from, kv_get_if(from, version));    from was read in this version, and
 *     txkv_add(&all, &store, from, kv_put(from, less));          is written, and so is
 *     txkv_add(&all, &store, to, kv_put(to, more));
 *     RADON_TRY(txkv_ask(&all, &coordinators, timeout, token));  then in RADON_REPLIED txkv_parse(answer, &it)
 */
#ifndef TXKV_H
#define TXKV_H

#include "kv.h"

#define TXKV_FORMAT 1
#define TXKV_RUN ((kv_op)19) /* the operation; KV_INFO is the other one */
#define TXKV_PARTS 1024      /* at most, in one transaction */

/* ---- a transaction ---- */

typedef struct {
    kv_store *store;
    uint32_t shard;
    radon_buffer items;
} txkv_part;

/* What is to happen, in the turn's memory; {0} is nothing yet. */
typedef struct {
    txkv_part *parts;
    size_t len;
} txkv;

/* Only if the key, or its absence, has this version, 0: if there is none. Locks it until the end, so that nobody changes
 * it meanwhile. */
static inline radon_bytes kv_get_if(radon_bytes key, uint64_t version) {
    kv_options options = {.flags = KV_IF_VERSION | KV_NO_VALUE, .version = version};
    return kv_request(KV_GET, options, KV_NOTHING, key);
}

/* Adds a get, put or delete of a key. Conditions are those of the requests; say them before what changes the key. */
static inline void txkv_add(txkv *all, kv_store *store, radon_bytes key, radon_bytes request) {
    uint32_t shard = kv_shard(store, key);
    size_t index = 0;
    while (index < all->len && (all->parts[index].store != store || all->parts[index].shard != shard)) index++;
    if (index == all->len) {
        size_t size = all->len++ * sizeof *all->parts;
        all->parts = (txkv_part *)radon_realloc(all->parts, size, size + sizeof *all->parts);
        all->parts[index] = (txkv_part){.store = store, .shard = shard};
    }
    kv_add_to(&all->parts[index].items, request);
}

/* The message for a coordinator. */
static inline radon_bytes txkv_request(const txkv *all) {
    radon_bytes message;
    size_t size = 0;
    for (size_t index = 0; index < all->len; index++)
        size += 4 + 1 + strlen(all->parts[index].store->kind) + 4 + all->parts[index].items.len;
    uint8_t *to = kv_build(TXKV_RUN, (kv_options){0}, size, KV_NOTHING, &message);
    for (size_t index = 0; index < all->len; index++) {
        const txkv_part *part = &all->parts[index];
        size_t kind = strlen(part->store->kind);
        radon_store_u32(to, (uint32_t)(1 + kind + 4 + part->items.len));
        to[4] = (uint8_t)kind;
        memcpy(to + 5, part->store->kind, kind);
        radon_store_u32(to + 5 + kind, part->shard);
        memcpy(to + 9 + kind, part->items.data, part->items.len);
        to += 9 + kind + part->items.len;
    }
    return message;
}

/* Who is asked to do it: a coordinator, or where it is all of one shard that shard itself, with a batch. Any coordinator
 * does; that of the first shard's number is found without chance. */
static inline kv_store *txkv_receiver(const txkv *all, kv_store *coordinators, uint32_t *shard, radon_bytes *message) {
    const txkv_part *first = all->parts;
    *shard = all->len == 1 ? first->shard : first->shard % coordinators->shards;
    *message = all->len == 1 ? kv_batch(first->items) : txkv_request(all);
    return all->len == 1 ? first->store : coordinators;
}

/* Has it done; the answer comes to RADON_REPLIED under `token`. */
static inline radon_error txkv_ask(const txkv *all, kv_store *coordinators, uint64_t timeout, uint64_t token) {
    uint32_t shard;
    radon_bytes message;
    if (all->len == 0) return RADON_INVALID;
    kv_store *receiver = txkv_receiver(all, coordinators, &shard, &message);
    return kv_ask_shard(receiver, shard, message, timeout, token);
}

/* ---- what became of it ---- */

typedef struct {
    kv_status status;  /* KV_OK: all of it happened; else nothing did */
    uint64_t part;     /* which part was refused, in the order in which txkv_add made them */
    uint64_t request;  /* which request of that part, from 0 */
    kv_answer because; /* what that request was answered, if it was */
} txkv_answer;

/* Reads the answer to txkv_ask, whether a coordinator gave it or a shard. */
static inline bool txkv_parse(radon_bytes body, txkv_answer *out) {
    kv_answer it;
    *out = (txkv_answer){0};
    if (!kv_parse(body, &it)) return false;
    out->status = it.status;
    if (it.status <= KV_ABSENT) return true;
    out->part = it.expiry;
    out->request = it.version;
    return it.value.len == 0 || kv_parse(it.value, &out->because);
}

/* Has it done, and waits for the answer in this turn. What is no answer is RADON_INVALID. */
static inline radon_error txkv_call(const txkv *all, kv_store *coordinators, uint64_t timeout, txkv_answer *out) {
    uint32_t shard;
    radon_address address;
    radon_bytes message, body;
    *out = (txkv_answer){0};
    if (all->len == 0) return RADON_INVALID;
    kv_store *receiver = txkv_receiver(all, coordinators, &shard, &message);
    radon_error error = kv_open_shard(receiver, shard, &address);
    if (error == RADON_OK) error = radon_address_call(address, message, timeout, &body);
    kv_close_shard(shard, address);
    if (error != RADON_OK) return error;
    return txkv_parse(body, out) ? RADON_OK : RADON_INVALID;
}

#endif
