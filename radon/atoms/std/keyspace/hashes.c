/* hashes.c - hashes: an element's name is the field, its bytes the value. `extra`: 1 once it had many, or a long one. */
#include "numbers.h"
#include "scans.h"

/* Redis has a few short ones in one piece, which OBJECT ENCODING tells. */
const char *hash_encoding(const entry *it) {
    collection hash;
    collection_of(it, &hash);
    return hash.extra == 0 ? "listpack" : "hashtable";
}

/* ---- fields ---- */

static kv_status put(collection *hash, radon_bytes field, radon_bytes value, radon_option old) {
    hash->count += !old.some;
    if (beyond(HASH_ENTRIES, hash->count) || beyond(HASH_BYTES, field.len) || beyond(HASH_BYTES, value.len)) hash->extra = 1;
    return element_put(hash, field, value, old);
}

/* Answers whether the field is new. */
static kv_status set(collection *hash, radon_bytes field, radon_bytes value, bool *is_new) {
    radon_option old;
    TRY(element_get(hash, field, &old));
    *is_new = !old.some;
    return put(hash, field, value, old);
}

static kv_status open(call *c, collection *out) { return collection_open(c, call_key(c, 1), TYPE_HASH, out); }

kv_status hash_dump(const collection *it, radon_buffer *to) {
    radon_bytes field, value;
    walk walk = walk_begin(it, RADON_NONE, RADON_NONE, false);
    while (walk_next(&walk, &field, &value)) {
        dump_add(to, field);
        dump_add(to, value);
    }
    return KV_OK;
}

kv_status hash_load(collection *it, radon_bytes dump) {
    radon_bytes field, value;
    bool is_new;
    while (dump.len > 0) {
        if (!dump_take(&dump, &field) || !dump_take(&dump, &value)) return FAILED;
        TRY(set(it, field, value, &is_new));
    }
    return KV_OK;
}

/* ---- writing ---- */

static kv_status set_many(call *c, int64_t *added) {
    collection hash;
    *added = 0;
    if (c->argc % 2 != 0) return call_fail_arity(c);
    TRY(open(c, &hash));
    for (size_t index = 2; index < c->argc; index += 2) {
        bool is_new;
        TRY(set(&hash, c->argv[index], c->argv[index + 1], &is_new));
        *added += is_new;
    }
    return collection_close(&hash);
}

kv_status command_hset(call *c) {
    int64_t added;
    TRY(set_many(c, &added));
    reply_integer(c->to, added);
    return KV_OK;
}

kv_status command_hmset(call *c) {
    int64_t added;
    TRY(set_many(c, &added));
    reply_status(c->to, "OK");
    return KV_OK;
}

kv_status command_hsetnx(call *c) {
    collection hash;
    radon_option old;
    TRY(open(c, &hash));
    TRY(element_get(&hash, c->argv[2], &old));
    if (!old.some) TRY(put(&hash, c->argv[2], c->argv[3], old));
    reply_integer(c->to, !old.some);
    return collection_close(&hash);
}

kv_status command_hdel(call *c) {
    collection hash;
    int64_t removed = 0;
    TRY(open(c, &hash));
    for (size_t index = 2; index < c->argc; index++) {
        radon_option old;
        TRY(element_get(&hash, c->argv[index], &old));
        if (!old.some) continue;
        TRY(element_remove(&hash, c->argv[index], old));
        hash.count--;
        removed++;
    }
    reply_integer(c->to, removed);
    return collection_close(&hash);
}

kv_status command_hincrby(call *c) {
    collection hash;
    radon_option old;
    int64_t delta, number = 0;
    TRY(call_integer(c, 3, &delta));
    TRY(open(c, &hash));
    TRY(element_get(&hash, c->argv[2], &old));
    if (old.some && !read_integer(old.value, &number)) return call_fail(c, "ERR hash value is not an integer");
    if (__builtin_add_overflow(number, delta, &number))
        return call_fail(c, "ERR increment or decrement would overflow");
    reply_integer(c->to, number);
    TRY(put(&hash, c->argv[2], radon_format_s64(number), old));
    return collection_close(&hash);
}

kv_status command_hincrbyfloat(call *c) {
    collection hash;
    radon_option old;
    wide delta, number = {0};
    if (!read_wide(c->argv[3], &delta)) return call_fail(c, "ERR value is not a valid float");
    if (delta.infinite) return call_fail(c, "ERR value is NaN or Infinity");
    TRY(open(c, &hash));
    TRY(element_get(&hash, c->argv[2], &old));
    if (old.some && !read_wide(old.value, &number)) return call_fail(c, "ERR hash value is not a float");
    number = add_wide(number, delta);
    if (number.infinite) return call_fail(c, "ERR increment would produce NaN or Infinity");
    radon_bytes text = format_wide(number);
    reply_bulk(c->to, text);
    TRY(put(&hash, c->argv[2], text, old));
    return collection_close(&hash);
}

/* ---- reading ---- */

kv_status command_hget(call *c) {
    collection hash;
    radon_option value;
    TRY(open(c, &hash));
    TRY(element_get(&hash, c->argv[2], &value));
    reply_option(c->to, value);
    return KV_OK;
}

kv_status command_hmget(call *c) {
    collection hash;
    TRY(open(c, &hash));
    reply_array(c->to, c->argc - 2);
    for (size_t index = 2; index < c->argc; index++) {
        radon_option value;
        TRY(element_get(&hash, c->argv[index], &value));
        reply_option(c->to, value);
    }
    return KV_OK;
}

kv_status command_hexists(call *c) {
    collection hash;
    radon_option value;
    TRY(open(c, &hash));
    TRY(element_get(&hash, c->argv[2], &value));
    reply_integer(c->to, value.some);
    return KV_OK;
}

kv_status command_hstrlen(call *c) {
    collection hash;
    radon_option value;
    TRY(open(c, &hash));
    TRY(element_get(&hash, c->argv[2], &value));
    reply_integer(c->to, value.some ? (int64_t)value.value.len : 0);
    return KV_OK;
}

kv_status command_hlen(call *c) { return collection_reply_count(c, TYPE_HASH); }

static void reply_all(call *c, const collection *hash, bool fields, bool values) {
    radon_bytes field, value;
    walk walk = walk_begin(hash, RADON_NONE, RADON_NONE, false);
    while (walk_next(&walk, &field, &value)) {
        if (fields) reply_bulk(c->to, field);
        if (values) reply_bulk(c->to, value);
    }
}

kv_status command_hgetall(call *c) {
    collection hash;
    TRY(open(c, &hash));
    reply_map(c->to, (size_t)hash.count);
    reply_all(c, &hash, true, true);
    return KV_OK;
}

kv_status command_hkeys(call *c) {
    collection hash;
    TRY(open(c, &hash));
    reply_array(c->to, (size_t)hash.count);
    reply_all(c, &hash, true, false);
    return KV_OK;
}

kv_status command_hvals(call *c) {
    collection hash;
    TRY(open(c, &hash));
    reply_array(c->to, (size_t)hash.count);
    reply_all(c, &hash, false, true);
    return KV_OK;
}

static size_t show(replies *to, radon_bytes field, radon_bytes value) {
    reply_bulk(to, field);
    reply_bulk(to, value);
    return 2;
}

kv_status command_hscan(call *c) { return scan_elements(c, TYPE_HASH, KV_NOTHING, show); }

/* ---- HRANDFIELD ---- */

static void reply_picked(replies *to, radon_bytes field, radon_bytes value, bool with_values) {
    if (with_values && to->resp == 3) reply_array(to, 2);
    reply_bulk(to, field);
    if (with_values) reply_bulk(to, value);
}

static void reply_count(replies *to, uint64_t count, bool with_values) {
    reply_array(to, (size_t)(with_values && to->resp == 2 ? 2 * count : count));
}

/* So many of them, each perhaps several times. */
static kv_status pick_any(call *c, const collection *hash, uint64_t count, bool with_values) {
    if (count > RANDOM_MOST) return KV_TOO_LARGE;
    radon_bytes *all = radon_alloc(2 * (size_t)hash->count * sizeof *all);
    walk walk = walk_begin(hash, RADON_NONE, RADON_NONE, false);
    for (size_t index = 0; index < hash->count; index++) walk_next(&walk, &all[2 * index], &all[2 * index + 1]);
    reply_count(c->to, count, with_values);
    for (; count > 0; count--) {
        uint64_t index = radon_random_next() % hash->count;
        reply_picked(c->to, all[2 * index], all[2 * index + 1], with_values);
    }
    return KV_OK;
}

/* So many different ones, each set of them as likely: every field is taken with the chance that is left. */
static void pick_different(call *c, const collection *hash, uint64_t count, bool with_values) {
    radon_bytes field, value;
    uint64_t left = hash->count;
    walk walk = walk_begin(hash, RADON_NONE, RADON_NONE, false);
    for (; count > 0 && walk_next(&walk, &field, &value); left--) {
        if (radon_random_next() % left >= count) continue;
        reply_picked(c->to, field, value, with_values);
        count--;
    }
}

kv_status command_hrandfield(call *c) {
    collection hash;
    int64_t count = 1;
    bool with_values = c->argc == 4;
    if (c->argc > 2) TRY(call_integer_in(c, 2, -INT64_MAX, INT64_MAX, &count, NULL));
    if (c->argc > 4 || (with_values && !call_is(c, 3, "withvalues"))) return call_fail_syntax(c);
    if (with_values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2))
        return call_fail(c, "ERR value is out of range");
    TRY(open(c, &hash));
    if (count < 0 && hash.count > 0) return pick_any(c, &hash, -(uint64_t)count, with_values);
    if (c->argc == 2 && hash.count == 0) {
        reply_null(c->to);
        return KV_OK;
    }
    uint64_t wanted = count < 0 ? 0 : (uint64_t)count < hash.count ? (uint64_t)count : hash.count;
    if (c->argc > 2) reply_count(c->to, wanted, with_values);
    pick_different(c, &hash, wanted, with_values);
    return KV_OK;
}
