/* call.c - what commands are written with. */
#include "keyspace.h"

kv_status call_fail(call *c, const char *error) {
    c->to->bytes.len = c->begin;
    reply_error(c->to, error);
    return FAILED;
}

/* As Redis does: an error is one line. */
kv_status call_fail_about(call *c, const char *before, radon_bytes what, const char *behind) {
    radon_buffer *to = &c->to->bytes;
    to->len = c->begin;
    radon_buffer_add_byte(to, '-');
    radon_buffer_add_text(to, before);
    for (size_t index = 0; index < what.len; index++) {
        bool ends = what.data[index] == '\r' || what.data[index] == '\n';
        radon_buffer_add_byte(to, ends ? ' ' : what.data[index]);
    }
    radon_buffer_add_text(to, behind);
    radon_buffer_add_text(to, "\r\n");
    return FAILED;
}

kv_status call_fail_arity(call *c) {
    return call_fail_about(c, "ERR wrong number of arguments for '", radon_text(c->is->name), "' command");
}

kv_status call_fail_syntax(call *c) { return call_fail(c, "ERR syntax error"); }

kv_status call_fail_wrong_type(call *c) {
    return call_fail(c, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

/* Over the last byte of its length, which does not count. */
radon_bytes call_key(call *c, size_t index) {
    radon_bytes name = c->argv[index];
    uint8_t *database = (uint8_t *)name.data - 1;
    *database = c->db;
    return (radon_bytes){database, name.len + 1};
}

radon_bytes key_in(uint8_t db, radon_bytes key) {
    uint8_t *copy = radon_alloc(key.len);
    memcpy(copy, key.data, key.len);
    copy[0] = db;
    return (radon_bytes){copy, key.len};
}

kv_status call_integer_or(call *c, size_t index, int64_t *out, const char *error) {
    return read_integer(c->argv[index], out) ? KV_OK : call_fail(c, error);
}

kv_status call_integer_in(call *c, size_t index, int64_t least, int64_t most, int64_t *out, const char *error) {
    if (error == NULL && least == 0 && most == INT64_MAX) error = "ERR value is out of range, must be positive";
    if (error != NULL) TRY(call_integer_or(c, index, out, error));
    else TRY(call_integer(c, index, out));
    if (*out >= least && *out <= most) return KV_OK;
    if (error != NULL) return call_fail(c, error);
    radon_buffer range = {0};
    radon_buffer_add_s64(&range, least);
    radon_buffer_add_text(&range, " and ");
    radon_buffer_add_s64(&range, most);
    return call_fail_about(c, "ERR value is out of range, value must between ", radon_buffer_bytes(&range), "");
}

kv_status call_integer(call *c, size_t index, int64_t *out) {
    return call_integer_or(c, index, out, "ERR value is not an integer or out of range");
}

kv_status call_count(call *c, size_t index, int64_t *out) {
    return call_integer_in(c, index, 0, INT64_MAX, out, "ERR value is out of range, must be positive");
}

void call_wait(call *c, size_t first, size_t last) {
    c->waits = c->may_wait;
    c->wait_first = first;
    c->wait_last = last;
}

/* ---- entries ---- */

kv_status key_load(call *c, radon_bytes key, entry *out) {
    radon_bytes holder;
    lock held = lock_of(key, &holder);
    *out = (entry){0};
    uint32_t flags = c->is != NULL ? c->is->flags : 0;
    if (held == WRITTEN || (held == READ && flags & WRITE)) return KV_LOCKED;
    TRY(entry_load(key, out));
    if (flags & READONLY) statistics_lookup(out->some);
    if (c->peeks) peek_note(key, entry_stamp(key, out), out->version);
    return KV_OK;
}

kv_status key_load_typed(call *c, radon_bytes key, type type, entry *out) {
    TRY(key_load(c, key, out));
    return out->some && out->tag != type ? call_fail_wrong_type(c) : KV_OK;
}

uint8_t *string_room(size_t size) { return (uint8_t *)radon_alloc(KV_HEAD + size) + KV_HEAD; }

kv_status string_store(radon_bytes key, uint8_t *value, size_t size, uint64_t expiry, const entry *old) {
    return entry_store(key, value, size, TYPE_STRING, expiry, old);
}
