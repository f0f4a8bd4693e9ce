/* moves.c - entries that get another key or database. */
#include "databases.h"

/* An entry, which is removed, is there again under this key, with all that belongs to it, instead of the old one. */
static kv_status write_as(const entry *it, radon_bytes to, const entry *old) {
    if (it->tag != TYPE_STRING) return collection_move(it, to, it->expiry, old);
    uint8_t *value = string_room(it->value.len);
    memcpy(value, it->value.data, it->value.len);
    return string_store(to, value, it->value.len, it->expiry, old);
}

static kv_status move(radon_bytes from, const entry *it, radon_bytes to, const entry *old) {
    TRY(entry_remove(from, it));
    return write_as(it, to, old);
}

static kv_status rename(call *c, bool only_new, bool *done) {
    entry it, old;
    radon_bytes from = call_key(c, 1), to = call_key(c, 2);
    TRY(key_load(c, from, &it));
    if (!it.some) return call_fail(c, "ERR no such key");
    *done = !only_new;
    if (radon_equal(from, to)) return KV_OK;
    TRY(key_load(c, to, &old));
    *done |= !old.some;
    return *done ? move(from, &it, to, &old) : KV_OK;
}

kv_status command_rename(call *c) {
    bool done;
    TRY(rename(c, false, &done));
    reply_status(c->to, "OK");
    return KV_OK;
}

kv_status command_renamenx(call *c) {
    bool done;
    TRY(rename(c, true, &done));
    reply_integer(c->to, done);
    return KV_OK;
}

static kv_status read_database(call *c, size_t index, uint8_t *out) {
    int64_t db;
    TRY(call_integer_in(c, index, INT32_MIN, INT32_MAX, &db, NULL));
    if (db < 0 || db >= DATABASES) return call_fail(c, "ERR DB index is out of range");
    *out = (uint8_t)db;
    return KV_OK;
}

static kv_status fail_same(call *c) { return call_fail(c, "ERR source and destination objects are the same"); }

kv_status command_move(call *c) {
    entry it, old = {0};
    uint8_t db;
    TRY(read_database(c, 2, &db));
    if (db == c->db) return fail_same(c);
    radon_bytes from = call_key(c, 1), to = key_in(db, from);
    TRY(key_load(c, from, &it));
    if (it.some) TRY(key_load(c, to, &old));
    bool done = it.some && !old.some;
    if (done) TRY(move(from, &it, to, &old));
    reply_integer(c->to, done);
    return KV_OK;
}

kv_status command_copy(call *c) {
    entry it, old = {0};
    radon_bytes dump;
    uint8_t db = c->db;
    bool replaces = false;
    for (size_t index = 3; index < c->argc; index++) {
        if (call_is(c, index, "replace")) replaces = true;
        else if (call_is(c, index, "db") && index + 1 < c->argc) TRY(read_database(c, ++index, &db));
        else return call_fail_syntax(c);
    }
    radon_bytes from = call_key(c, 1), to = key_in(db, call_key(c, 2));
    if (radon_equal(from, to)) return fail_same(c);
    TRY(key_load(c, from, &it));
    if (it.some) TRY(key_load(c, to, &old));
    bool done = it.some && (replaces || !old.some);
    if (done) {
        TRY(entry_dump(&it, &dump));
        TRY(entry_restore(to, (type)it.tag, dump, it.expiry, &old));
    }
    reply_integer(c->to, done);
    return KV_OK;
}

/* ---- SWAPDB: this shard's part of it ---- */

typedef struct {
    radon_bytes key;
    entry it;
} item;

typedef struct {
    item *items;
    size_t len, room;
} items;

/* Takes all entries of a database out of it. */
static kv_status take_out(call *c, uint8_t db, items *out) {
    entry_walk walk = entries_of(db);
    radon_bytes key;
    *out = (items){0};
    while (entry_walk_next(&walk, &key)) {
        if (out->len == out->room) {
            size_t more = 2 * out->room + 16;
            out->items = radon_realloc(out->items, out->room * sizeof(item), more * sizeof(item));
            out->room = more;
        }
        item *next = &out->items[out->len++];
        next->key = key;
        TRY(key_load(c, key, &next->it));
        TRY(entry_remove(key, &next->it));
    }
    return KV_OK;
}

static kv_status put_in(uint8_t db, const items *from) {
    const entry none = {0};
    for (size_t index = 0; index < from->len; index++) {
        const item *next = &from->items[index];
        if (next->it.some) TRY(write_as(&next->it, key_in(db, next->key), &none));
    }
    return KV_OK;
}

kv_status command_swapdb(call *c) {
    int64_t first, second;
    items from_first, from_second;
    TRY(call_integer_in(c, 1, INT32_MIN, INT32_MAX, &first, "ERR invalid first DB index"));
    TRY(call_integer_in(c, 2, INT32_MIN, INT32_MAX, &second, "ERR invalid second DB index"));
    if (first < 0 || first >= DATABASES || second < 0 || second >= DATABASES)
        return call_fail(c, "ERR DB index is out of range");
    if (first != second) {
        TRY(take_out(c, (uint8_t)first, &from_first));
        TRY(take_out(c, (uint8_t)second, &from_second));
        TRY(put_in((uint8_t)first, &from_second));
        TRY(put_in((uint8_t)second, &from_first));
    }
    reply_status(c->to, "OK");
    return KV_OK;
}
