/* types.c - the types of entries, and what becomes of a turn's changes. */
#include "keyspace.h"

const bool typed = true;

static const char *string_encoding(const entry *it) {
    int64_t number;
    if (it->value.len <= 20 && read_integer(it->value, &number)) return "int";
    return it->value.len <= 44 ? "embstr" : "raw";
}

const type_table_row type_table[TYPES] = {
    [TYPE_STRING] = {"string", string_encoding, NULL, NULL},
    [TYPE_LIST] = {"list", list_encoding, list_dump, list_load},
    [TYPE_HASH] = {"hash", hash_encoding, hash_dump, hash_load},
    [TYPE_SET] = {"set", set_encoding, set_dump, set_load},
    [TYPE_ZSET] = {"zset", zset_encoding, zset_dump, zset_load},
};

/* ---- dumps ---- */

kv_status entry_dump(const entry *it, radon_bytes *out) {
    radon_buffer dump = {0};
    collection from;
    *out = it->value;
    if (it->tag == TYPE_STRING) return KV_OK;
    collection_of(it, &from);
    TRY(type_table[it->tag].dump(&from, &dump));
    *out = radon_buffer_bytes(&dump);
    return KV_OK;
}

kv_status entry_restore(radon_bytes key, type type, radon_bytes dump, uint64_t expiry, const entry *old) {
    if (type == TYPE_STRING) {
        uint8_t *value = string_room(dump.len);
        memcpy(value, dump.data, dump.len);
        return string_store(key, value, dump.len, expiry, old);
    }
    collection to = {.key = key, .was = *old, .type = type};
    to.was.expiry = expiry;
    TRY(type_table[type].load(&to, dump));
    return to.count == 0 ? FAILED : collection_close(&to);
}

/* ---- requests ---- */

/* An entry's value is what its type says, so that other requests than a KV_STORE only make strings. */
kv_status types_allow(const request *given) {
    bool is_store = given->op == KV_STORE;
    bool has_key = is_store || given->op == KV_FETCH || (given->op >= KV_GET && given->op <= KV_EXPIRE);
    if (has_key && (given->key.len == 0 || given->key.data[0] >= DATABASES)) return KV_INVALID;
    return given->tag == TYPE_STRING || (is_store && given->tag < TYPES) ? KV_OK : KV_INVALID;
}

radon_bytes types_fetch(const entry *it) {
    radon_bytes dump;
    kv_status status = entry_dump(it, &dump);
    if (status != KV_OK) return answer(status, 0, KV_NOTHING);
    return answer_about(KV_OK, it->tag, it->version, it->expiry, dump);
}

radon_bytes types_store(const request *given, const entry *old, uint64_t expiry) {
    entry now;
    radon_bytes dump = {given->payload, given->size};
    kv_status status = entry_restore(given->key, (type)given->tag, dump, expiry, old);
    if (status == KV_OK) status = entry_load(given->key, &now);
    if (status != KV_OK) return answer(status, 0, KV_NOTHING);
    return answer_about(KV_OK, given->tag, now.version, expiry, KV_NOTHING);
}

/* ---- the turn ---- */

kv_status types_begin(radon_message message) {
    statistics_begin(message.handle == 0);
    TRY(collections_begin());
    TRY(counts_begin());
    TRY(parameters_begin());
    TRY(subscribers_begin(message));
    return waiters_begin(message);
}

kv_status types_settle(void) { return counts_settle(); }

void types_finish(void) {
    counts_finish();
    collections_finish();
    waiters_wake();
    subscribers_publish();
}
