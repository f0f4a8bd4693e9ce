/* hashes.c - hashes: an element is a field, its bytes the value. */
#include "collections.h"

const char *hash_encoding(const entry *it) {
    collection of;
    collection_of(it, &of);
    return of.count <= 128 ? "listpack" : "hashtable";
}

kv_status hash_dump(const collection *it, radon_buffer *to) {
    radon_bytes field, value;
    walk walk = walk_begin(it, RADON_NONE, RADON_NONE, false);
    while (walk_next(&walk, &field, &value)) {
        dump_add(to, field);
        dump_add(to, value);
    }
    return KV_OK;
}

/* Answers whether the field is new. */
static kv_status put(collection *hash, radon_bytes field, radon_bytes value, bool *is_new) {
    radon_option old;
    TRY(element_get(hash, field, &old));
    *is_new = !old.some;
    hash->count += *is_new;
    return element_put(hash, field, value, old);
}

kv_status hash_load(collection *it, radon_bytes dump) {
    radon_bytes field, value;
    bool is_new;
    while (dump.len > 0) {
        if (!dump_take(&dump, &field) || !dump_take(&dump, &value)) return FAILED;
        TRY(put(it, field, value, &is_new));
    }
    return KV_OK;
}

kv_status command_hset(call *c) {
    collection hash;
    int64_t added = 0;
    if (c->argc % 2 != 0) return call_fail_arity(c);
    TRY(collection_open(c, call_key(c, 1), TYPE_HASH, &hash));
    for (size_t index = 2; index < c->argc; index += 2) {
        bool is_new;
        TRY(put(&hash, c->argv[index], c->argv[index + 1], &is_new));
        added += is_new;
    }
    TRY(collection_close(&hash));
    reply_integer(c->to, added);
    return KV_OK;
}

kv_status command_hget(call *c) {
    collection hash;
    radon_option value;
    TRY(collection_open(c, call_key(c, 1), TYPE_HASH, &hash));
    TRY(element_get(&hash, c->argv[2], &value));
    reply_option(c->to, value);
    return KV_OK;
}
