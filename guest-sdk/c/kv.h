/* kv.h - how atoms in C talk to the standard atoms `kv`, a sharded key-value store, and `kvr`, a replicated one.
 * docs/kv.md and docs/kvr.md have every message.
 *
 * A request is bytes, made by kv_get, kv_put and so on in the turn's memory; kv_ask and kv_call bring them to the shard
 * of their key; what comes back is read by kv_parse. Header only: what is not used is not in the module.
 *
 *     static kv_store store = {.kind = "kv", .shards = 16};
 *
 *     kv_answer answer;
 *     RADON_TRY(kv_call(&store, key, kv_get(key), timeout, &answer));   in this turn, or
 *     RADON_TRY(kv_ask(&store, key, kv_get(key), timeout, token));      then in RADON_REPLIED kv_parse(answer, &it)
 */
#ifndef KV_H
#define KV_H

#include "radon.h"

#define KV_FORMAT 1 /* of the messages, as KV_INFO tells it */

/* ---- the format ---- */

#define KV_HEAD 24 /* bytes that every request and every answer begins with */
#define KV_KEY_MAX 65520
#define KV_VALUE_MAX (8 << 20)
#define KV_BATCH_MAX 16384        /* requests in a batch or a transaction */
#define KV_BATCH_BYTES (4 << 20)  /* of values, old and new, behind which a batch may not go on */
#define KV_TRANSACTION 16         /* bytes of a transaction's name */
#define KV_FOR_EVER UINT64_MAX    /* ns */

typedef enum {
    KV_INFO = 1,
    KV_GET,
    KV_PUT,
    KV_DELETE,
    KV_COMPARE,
    KV_ADD,
    KV_APPEND,
    KV_WRITE,
    KV_EXPIRE,
    KV_BATCH,
    KV_SCAN,
    KV_COMMAND, /* these three: only of a std:keyspace, docs/redis.md */
    KV_FETCH,
    KV_STORE,
    KV_PREPARE = 16,
    KV_COMMIT,
    KV_ABORT,
} kv_op;

/* What a request may say beside its operation; docs/kv.md tells which goes with which. */
enum {
    KV_IF_ABSENT = 1,    /* only if there is no entry */
    KV_IF_PRESENT = 2,   /* only if there is one */
    KV_IF_VERSION = 4,   /* only if it, or its absence, has this version; 0: there is none */
    KV_KEEP_EXPIRY = 8,  /* the entry's, not that of the request */
    KV_RELATIVE = 16,    /* `expiry` counts from the turn of the shard, not from 1970 */
    KV_GIVE_OLD = 32,    /* answer the entry as it was, with its value */
    KV_NO_VALUE = 64,    /* answer without values */
    KV_BOUNDED = 128,    /* get: a part of the value; scan: up to the payload */
};

typedef enum {
    KV_OK,
    KV_ABSENT,       /* there is no such entry; with KV_GIVE_OLD: there was none. To a get: `version` of its absence */
    KV_CONFLICT,     /* the condition does not hold; `version` is that of the entry, 0: there is none */
    KV_LOCKED,       /* a transaction has the key; the value is its name, or empty: too much is prepared */
    KV_WRONG_TAG,    /* the entry has another tag */
    KV_NOT_A_NUMBER, /* add: the value is no decimal number of 64 bits */
    KV_OVERFLOW,     /* add: the sum would be none */
    KV_TOO_LARGE,    /* a key, a value, a batch, or the answer */
    KV_EXHAUSTED,    /* the shard has used up its limits.state */
    KV_INVALID,      /* no well-formed request */
    KV_UNSUPPORTED,  /* an operation that this shard does not know */
    KV_READY,        /* a command that waits may be asked again */
    KV_UNANSWERED,   /* of a coordinator (txkv.h): a shard failed or did not answer; nothing was changed */
    KV_BEHIND,       /* this replica has not seen what the session has; ask another one, or later */
} kv_status;

/* An answer, and each entry within one. */
typedef struct {
    kv_status status;
    uint8_t tag;      /* what the client likes; 0 unless a put said otherwise */
    uint64_t version; /* of an entry or its absence: never 0, and another one after each change of the key */
    uint64_t expiry;  /* ns since 1970; 0: never */
    radon_bytes value;
} kv_answer;

/* Takes one answer off the front of `rest`. False where there is none: nothing left, or no answer of a kv. */
static inline bool kv_next(radon_bytes *rest, kv_answer *out) {
    if (rest->len < KV_HEAD || radon_load_u32(rest->data + 4) > rest->len - KV_HEAD) return false;
    size_t size = radon_load_u32(rest->data + 4);
    *out = (kv_answer){
        .status = (kv_status)rest->data[0],
        .tag = rest->data[1],
        .version = radon_load_u64(rest->data + 8),
        .expiry = radon_load_u64(rest->data + 16),
        .value = {rest->data + KV_HEAD, size},
    };
    *rest = (radon_bytes){rest->data + KV_HEAD + size, rest->len - KV_HEAD - size};
    return true;
}

/* All of `body` as one answer; false where it is none. */
static inline bool kv_parse(radon_bytes body, kv_answer *out) { return kv_next(&body, out) && body.len == 0; }

/* ---- requests ---- */

/* What a put and its like may say beyond key and value; {0} says nothing. */
typedef struct {
    uint8_t flags;
    uint8_t tag;
    uint64_t version; /* for KV_IF_VERSION */
    uint64_t expiry;  /* ns since 1970, or from now with KV_RELATIVE; 0: never */
} kv_options;

/* Head and key, with room for a payload between them at data + KV_HEAD. */
static inline uint8_t *kv_build(kv_op op, kv_options options, size_t size, radon_bytes key, radon_bytes *out) {
    uint8_t *data = radon_alloc(KV_HEAD + size + key.len);
    radon_store_u32(data, (uint32_t)op | (uint32_t)options.flags << 8 | (uint32_t)options.tag << 16);
    radon_store_u32(data + 4, (uint32_t)size);
    radon_store_u64(data + 8, options.version);
    radon_store_u64(data + 16, options.expiry);
    memcpy(data + KV_HEAD + size, key.data, key.len);
    *out = (radon_bytes){data, KV_HEAD + size + key.len};
    return data + KV_HEAD;
}

static inline radon_bytes kv_request(kv_op op, kv_options options, radon_bytes payload, radon_bytes key) {
    radon_bytes body;
    memcpy(kv_build(op, options, payload.len, key, &body), payload.data, payload.len);
    return body;
}

#define KV_NOTHING ((radon_bytes){0})

static inline radon_bytes kv_info(void) { return kv_request(KV_INFO, (kv_options){0}, KV_NOTHING, KV_NOTHING); }

static inline radon_bytes kv_get(radon_bytes key) { return kv_request(KV_GET, (kv_options){0}, KV_NOTHING, key); }

/* At most `length` bytes from `offset` on. */
static inline radon_bytes kv_get_part(radon_bytes key, uint64_t offset, uint64_t length) {
    return kv_request(KV_GET, (kv_options){KV_BOUNDED, 0, offset, length}, KV_NOTHING, key);
}

/* Is it there? The answer's value is the length of the entry's, a u64. */
static inline radon_bytes kv_exists(radon_bytes key) {
    return kv_request(KV_GET, (kv_options){.flags = KV_NO_VALUE}, KV_NOTHING, key);
}

static inline radon_bytes kv_put_with(radon_bytes key, radon_bytes value, kv_options options) {
    return kv_request(KV_PUT, options, value, key);
}

static inline radon_bytes kv_put(radon_bytes key, radon_bytes value) {
    return kv_put_with(key, value, (kv_options){0});
}

static inline radon_bytes kv_delete(radon_bytes key) { return kv_request(KV_DELETE, (kv_options){0}, KV_NOTHING, key); }

/* Puts `value` if the entry's is `expected` now. Without an expected one: kv_put_with(..., {KV_IF_ABSENT}). */
static inline radon_bytes kv_compare_and_set(radon_bytes key, radon_bytes expected, radon_bytes value) {
    radon_bytes body;
    uint8_t *to = kv_build(KV_COMPARE, (kv_options){.version = expected.len}, expected.len + value.len, key, &body);
    memcpy(to, expected.data, expected.len);
    memcpy(to + expected.len, value.data, value.len);
    return body;
}

/* The answer's value is the sum in decimal: radon_parse_s64. */
static inline radon_bytes kv_add(radon_bytes key, int64_t delta) {
    radon_bytes body;
    radon_store_u64(kv_build(KV_ADD, (kv_options){0}, 8, key, &body), (uint64_t)delta);
    return body;
}

/* The answer's value is the new length, a u64; of kv_write too. */
static inline radon_bytes kv_append(radon_bytes key, radon_bytes more) {
    return kv_request(KV_APPEND, (kv_options){0}, more, key);
}

/* Writes over the value from `offset` on; zeros fill a gap. */
static inline radon_bytes kv_write(radon_bytes key, uint64_t offset, radon_bytes bytes) {
    return kv_request(KV_WRITE, (kv_options){.version = offset}, bytes, key);
}

/* After `ns` from now. */
static inline radon_bytes kv_expire(radon_bytes key, uint64_t ns) {
    return kv_request(KV_EXPIRE, (kv_options){.flags = KV_RELATIVE, .expiry = ns}, KV_NOTHING, key);
}

static inline radon_bytes kv_persist(radon_bytes key) {
    return kv_request(KV_EXPIRE, (kv_options){0}, KV_NOTHING, key);
}

/* ---- several requests in one, for keys of one shard ---- */

/* Adds a request to a batch, which begins as {0}. */
static inline void kv_add_to(radon_buffer *batch, radon_bytes request) {
    radon_store_u32(radon_buffer_extend(batch, 4), (uint32_t)request.len);
    radon_buffer_add(batch, request);
}

/* All of it happens or none. The answer's value is one answer after the other: kv_next. */
static inline radon_bytes kv_batch(radon_buffer batch) {
    return kv_request(KV_BATCH, (kv_options){0}, radon_buffer_bytes(&batch), KV_NOTHING);
}

/* Locks the keys of `batch` - gets, puts and deletes - for a transaction whose name has KV_TRANSACTION bytes, if all
 * their conditions hold. Then either of the others, as often as you like: KV_ABSENT means that it was done before. */
static inline radon_bytes kv_prepare(radon_bytes name, radon_buffer batch) {
    return kv_request(KV_PREPARE, (kv_options){0}, radon_buffer_bytes(&batch), name);
}

/* One name, or several of that length, one behind the other. */
static inline radon_bytes kv_commit(radon_bytes name) {
    return kv_request(KV_COMMIT, (kv_options){0}, KV_NOTHING, name);
}

static inline radon_bytes kv_abort(radon_bytes name) {
    return kv_request(KV_ABORT, (kv_options){0}, KV_NOTHING, name);
}

/* ---- the entries of one shard, in the order of their keys ---- */

/* At most `limit` of those from `start` up to `end` (none: all). `flags`: KV_NO_VALUE or 0. */
static inline radon_bytes kv_scan(radon_bytes start, radon_option end, uint32_t limit, uint8_t flags) {
    kv_options options = {.flags = (uint8_t)(flags | (end.some ? KV_BOUNDED : 0)), .version = limit};
    return kv_request(KV_SCAN, options, end.value, start);
}

static inline bool kv_take_key(radon_bytes *rest, radon_bytes *out) {
    if (rest->len < 4 || radon_load_u32(rest->data) > rest->len - 4) return false;
    size_t length = radon_load_u32(rest->data);
    *out = (radon_bytes){rest->data + 4, length};
    *rest = (radon_bytes){rest->data + 4 + length, rest->len - 4 - length};
    return true;
}

/* Where the next scan has to start, off the front of a scan's value; none: this was the last page. */
static inline radon_option kv_scan_resume(radon_bytes *rest) {
    radon_bytes start;
    return kv_take_key(rest, &start) && start.len > 0 ? radon_some(start) : RADON_NONE;
}

/* The next entry, behind that. */
static inline bool kv_scan_next(radon_bytes *rest, radon_bytes *key, kv_answer *entry) {
    return kv_take_key(rest, key) && kv_next(rest, entry);
}

/* ---- shards ---- */

#define KV_HANDLES 64 /* addresses of shards that a store holds on to */

/* A store as a client knows it: a global, of which all but the first three is zero. A cache: it goes with the instance.
 * An atom with memory = "shared" makes one in each turn instead, because it holds on to addresses. */
typedef struct {
    const char *kind; /* the manifest grants the client all of its atoms */
    uint32_t shards;  /* as in the manifest, and in the answer to KV_INFO */
    uint32_t replicas; /* of a `kvr`: as in the manifest; of a `kv`: 0 */
    radon_address opened[KV_HANDLES];
} kv_store;

/* FNV-1a and the finaliser of MurmurHash3: where Radon itself sends "kind/KEY". Eight bytes in each round, because fuel
 * is counted in each. */
static inline uint64_t kv_hash(radon_bytes key) {
    uint64_t hash = 0xcbf29ce484222325;
    size_t index = 0;
    for (; key.len - index >= 8; index += 8) {
        uint64_t some = radon_load_u64(key.data + index);
        for (int each = 0; each < 64; each += 8) hash = (hash ^ (some >> each & 0xff)) * 0x100000001b3;
    }
    for (; index < key.len; index++) hash = (hash ^ key.data[index]) * 0x100000001b3;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
    return hash ^ hash >> 33;
}

static inline uint32_t kv_shard(const kv_store *store, radon_bytes key) {
    return (uint32_t)(kv_hash(key) % store->shards);
}

/* The address of a replica, yours to drop. Of a store that is not replicated the shard itself is number 0. */
static inline radon_error kv_open_replica(const kv_store *store, uint32_t shard, uint32_t replica, radon_address *out) {
    radon_buffer name = {0};
    radon_buffer_add_text(&name, store->kind);
    radon_buffer_add_text(&name, "/#");
    radon_buffer_add_u64(&name, shard);
    if (replica > 0) radon_buffer_add_text(&name, "+");
    if (replica > 0) radon_buffer_add_u64(&name, replica);
    return radon_messaging_open(radon_buffer_bytes(&name), out);
}

/* The address of a shard, which kv_close_shard takes back: of the replica in this atom's domain, if one is there. */
static inline radon_error kv_open_shard(kv_store *store, uint32_t shard, radon_address *out) {
    if (shard < KV_HANDLES && store->opened[shard].handle != 0) {
        *out = store->opened[shard];
        return RADON_OK;
    }
    radon_error error = kv_open_replica(store, shard, 0, out);
    for (uint32_t other = 1; other < store->replicas && error == RADON_OK; other++) {
        radon_address near;
        if (radon_address_distance(*out) == RADON_DISTANCE_SAME_DOMAIN) break;
        error = kv_open_replica(store, shard, other, &near);
        if (error != RADON_OK) break;
        bool is_near = radon_address_distance(near) == RADON_DISTANCE_SAME_DOMAIN;
        radon_address_drop(is_near ? *out : near);
        if (is_near) *out = near;
    }
    if (shard < KV_HANDLES) store->opened[shard] = *out;
    return error;
}

static inline void kv_close_shard(uint32_t shard, radon_address address) {
    if (shard >= KV_HANDLES && address.handle != 0) radon_address_drop(address);
}

/* Sends a request; the answer comes to RADON_REPLIED under `token`. */
static inline radon_error kv_ask_shard(kv_store *store, uint32_t shard, radon_bytes request, uint64_t timeout,
    uint64_t token) {
    radon_address address;
    radon_error error = kv_open_shard(store, shard, &address);
    if (error == RADON_OK) error = radon_address_request(address, request, timeout, token);
    kv_close_shard(shard, address);
    return error;
}

static inline radon_error kv_ask(kv_store *store, radon_bytes key, radon_bytes request, uint64_t timeout,
    uint64_t token) {
    return kv_ask_shard(store, kv_shard(store, key), request, timeout, token);
}

/* Sends a request and waits for its answer in this turn. What is no answer of a kv is RADON_INVALID. */
static inline radon_error kv_call_shard(kv_store *store, uint32_t shard, radon_bytes request, uint64_t timeout,
    kv_answer *out) {
    radon_address address;
    radon_bytes body;
    *out = (kv_answer){0};
    radon_error error = kv_open_shard(store, shard, &address);
    if (error == RADON_OK) error = radon_address_call(address, request, timeout, &body);
    kv_close_shard(shard, address);
    if (error != RADON_OK) return error;
    return kv_parse(body, out) ? RADON_OK : RADON_INVALID;
}

static inline radon_error kv_call(kv_store *store, radon_bytes key, radon_bytes request, uint64_t timeout,
    kv_answer *out) {
    return kv_call_shard(store, kv_shard(store, key), request, timeout, out);
}

/* ---- replicated stores ---- */

#define KV_REPLICAS 9 /* at most */

enum { KV_SESSION = 32, KV_VERSIONS, KV_INSERT, KV_REMOVE }; /* operations that they know beside the others */
enum { KV_WAIT = 1 };                                        /* of a session: the answer may come a little later */

/* What one client has seen of one shard: begins as {0}, and may be kept and handed on. */
typedef struct { uint64_t seen[KV_REPLICAS]; } kv_session;

/* Puts an element into a set, or takes it out. KV_GET shows a set: each element behind its length, for kv_take_key. */
static inline radon_bytes kv_change_set(bool inserts, radon_bytes key, radon_bytes element) {
    return kv_request((kv_op)(inserts ? KV_INSERT : KV_REMOVE), (kv_options){0}, element, key);
}

/* A request within a session: a replica that has not seen as much answers KV_BEHIND; ask it again, or another one. */
static inline radon_bytes kv_within(const kv_store *store, const kv_session *session, radon_bytes request,
    uint8_t flags) {
    radon_bytes seen = {(const uint8_t *)session->seen, 8 * store->replicas};
    return kv_request((kv_op)KV_SESSION, (kv_options){.flags = flags}, request, seen);
}

/* The answer to the request within, and what the session has seen now. False: no answer, or KV_BEHIND and its like. */
static inline bool kv_unwrap(const kv_store *store, kv_session *session, kv_answer *answer) {
    size_t size = 8 * store->replicas;
    if (answer->status != KV_OK || answer->value.len < size || store->replicas > KV_REPLICAS) return false;
    for (uint32_t index = 0; index < store->replicas; index++) {
        uint64_t seen = radon_load_u64(answer->value.data + 8 * index);
        if (seen > session->seen[index]) session->seen[index] = seen;
    }
    return kv_parse(radon_slice(answer->value, size, answer->value.len), answer);
}

#endif
