/* ranges.c - parts of strings, and strings as numbers. */
#include "call.h"
#include "numbers.h"

/* ---- numbers ---- */

/* Keeps the expiry. */
static kv_status put_text(radon_bytes key, radon_bytes text, const entry *old) {
    uint8_t *value = string_room(text.len);
    memcpy(value, text.data, text.len);
    return string_store(key, value, text.len, old->expiry, old);
}

static kv_status add(call *c, int64_t delta) {
    entry old;
    int64_t number = 0;
    radon_bytes key = call_key(c, 1);
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    if (old.some && !read_integer(old.value, &number))
        return call_fail(c, "ERR value is not an integer or out of range");
    if (__builtin_add_overflow(number, delta, &number))
        return call_fail(c, "ERR increment or decrement would overflow");
    reply_integer(c->to, number);
    return put_text(key, radon_format_s64(number), &old);
}

kv_status command_incr(call *c) { return add(c, 1); }
kv_status command_decr(call *c) { return add(c, -1); }

kv_status command_incrby(call *c) {
    int64_t delta;
    TRY(call_integer(c, 2, &delta));
    return add(c, delta);
}

kv_status command_decrby(call *c) {
    int64_t delta;
    TRY(call_integer(c, 2, &delta));
    if (delta == INT64_MIN) return call_fail(c, "ERR decrement would overflow");
    return add(c, -delta);
}

kv_status command_incrbyfloat(call *c) {
    entry old;
    wide number = {0}, delta;
    radon_bytes key = call_key(c, 1);
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    if ((old.some && !read_wide(old.value, &number)) || !read_wide(c->argv[2], &delta))
        return call_fail(c, "ERR value is not a valid float");
    number = add_wide(number, delta);
    if (number.infinite) return call_fail(c, "ERR increment would produce NaN or Infinity");
    radon_bytes text = format_wide(number);
    reply_bulk(c->to, text);
    return put_text(key, text, &old);
}

/* ---- parts ---- */

kv_status command_strlen(call *c) {
    entry it;
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    reply_integer(c->to, (int64_t)it.value.len);
    return KV_OK;
}

/* Writes over the value from `offset` on; zeros fill a gap. */
static kv_status overwrite(radon_bytes key, const entry *old, uint64_t offset, radon_bytes bytes, size_t *size) {
    if (offset > KV_VALUE_MAX || bytes.len > KV_VALUE_MAX - (size_t)offset) return KV_TOO_LARGE;
    size_t end = (size_t)offset + bytes.len;
    *size = end > old->value.len ? end : old->value.len;
    uint8_t *value = string_room(*size);
    memcpy(value, old->value.data, old->value.len);
    memset(value + old->value.len, 0, *size - old->value.len);
    memcpy(value + offset, bytes.data, bytes.len);
    return string_store(key, value, *size, old->expiry, old);
}

kv_status command_append(call *c) {
    entry old;
    size_t size;
    radon_bytes key = call_key(c, 1);
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    TRY(overwrite(key, &old, old.value.len, c->argv[2], &size));
    reply_integer(c->to, (int64_t)size);
    return KV_OK;
}

kv_status command_setrange(call *c) {
    entry old;
    int64_t offset;
    radon_bytes key = call_key(c, 1);
    TRY(call_integer(c, 2, &offset));
    if (offset < 0) return call_fail(c, "ERR offset is out of range");
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    size_t size = old.value.len;
    if (c->argv[3].len > 0) TRY(overwrite(key, &old, (uint64_t)offset, c->argv[3], &size));
    reply_integer(c->to, (int64_t)size);
    return KV_OK;
}

kv_status command_getrange(call *c) {
    entry it;
    int64_t start, end;
    TRY(call_integer(c, 2, &start));
    TRY(call_integer(c, 3, &end));
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    int64_t len = (int64_t)it.value.len;
    bool crossed = start < 0 && end < 0 && start > end;
    if (start < 0) start += len;
    if (end < 0) end += len;
    if (start < 0) start = 0;
    if (end < 0) end = 0;
    if (end >= len) end = len - 1;
    bool none = crossed || start > end || len == 0;
    reply_bulk(c->to, none ? KV_NOTHING : radon_slice(it.value, (size_t)start, (size_t)end + 1));
    return KV_OK;
}

kv_status command_substr(call *c) { return command_getrange(c); }
