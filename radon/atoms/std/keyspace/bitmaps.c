/* bitmaps.c - strings as arrays of bits, the highest bit of each byte first. */
#include "call.h"

/* Room for a copy of the string, at least so long, with zeros behind it. */
static uint8_t *copy_of(const entry *it, size_t least, size_t *size) {
    *size = it->value.len > least ? it->value.len : least;
    uint8_t *value = string_room(*size);
    memcpy(value, it->value.data, it->value.len);
    memset(value + it->value.len, 0, *size - it->value.len);
    return value;
}

/* Below `most` bytes. */
static kv_status read_offset(call *c, size_t index, uint64_t most, uint64_t *out) {
    static const char error[] = "ERR bit offset is not an integer or out of range";
    int64_t offset;
    TRY(call_integer_or(c, index, &offset, error));
    *out = (uint64_t)offset;
    return offset < 0 || *out >= most * 8 ? call_fail(c, error) : KV_OK;
}

static bool bit_at(radon_bytes bits, uint64_t offset) {
    uint64_t byte = offset / 8;
    return byte < bits.len && bits.data[byte] >> (7 - offset % 8) & 1;
}

static void set_bit(uint8_t *bits, uint64_t offset, bool on) {
    uint8_t mask = (uint8_t)(1 << (7 - offset % 8));
    bits[offset / 8] = (uint8_t)(on ? bits[offset / 8] | mask : bits[offset / 8] & ~mask);
}

kv_status command_setbit(call *c) {
    entry old;
    uint64_t offset;
    int64_t bit;
    size_t size;
    radon_bytes key = call_key(c, 1);
    TRY(read_offset(c, 2, KV_VALUE_MAX, &offset));
    TRY(call_integer_in(c, 3, 0, 1, &bit, "ERR bit is not an integer or out of range"));
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    reply_integer(c->to, bit_at(old.value, offset));
    uint8_t *value = copy_of(&old, (size_t)(offset / 8) + 1, &size);
    set_bit(value, offset, bit);
    return string_store(key, value, size, old.expiry, &old);
}

kv_status command_getbit(call *c) {
    entry it;
    uint64_t offset;
    TRY(read_offset(c, 2, READ_MOST, &offset));
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    reply_integer(c->to, bit_at(it.value, offset));
    return KV_OK;
}

/* ---- BITCOUNT and BITPOS ---- */

/* The arguments from `index` on: start, end and what they count. In bits; none where first > last. */
static kv_status read_range(call *c, size_t index, size_t len, int64_t *first, int64_t *last) {
    int64_t start, end = -1, total = (int64_t)len;
    bool bits = false;
    TRY(call_integer(c, index, &start));
    if (index + 1 < c->argc) TRY(call_integer(c, index + 1, &end));
    if (index + 2 < c->argc) {
        bits = call_is(c, index + 2, "bit");
        if (!bits && !call_is(c, index + 2, "byte")) return call_fail_syntax(c);
    }
    if (bits) total *= 8;
    bool crossed = start < 0 && end < 0 && start > end;
    if (start < 0) start += total;
    if (end < 0) end += total;
    if (start < 0) start = 0;
    if (end < 0) end = 0;
    if (end >= total) end = total - 1;
    bool none = crossed || start > end;
    *first = none ? 0 : bits ? start : start * 8;
    *last = none ? -1 : bits ? end : end * 8 + 7;
    return KV_OK;
}

kv_status command_bitcount(call *c) {
    entry it;
    int64_t first = 0, last, count = 0;
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    if (c->argc == 3 || c->argc > 5) return it.some ? call_fail_syntax(c) : (reply_integer(c->to, 0), KV_OK);
    last = (int64_t)it.value.len * 8 - 1;
    if (it.some && c->argc > 3) TRY(read_range(c, 2, it.value.len, &first, &last));
    while (first <= last) {
        if (first % 8 == 0 && last - first >= 7) {
            count += __builtin_popcount(it.value.data[first / 8]);
            first += 8;
        } else {
            count += bit_at(it.value, (uint64_t)first++);
        }
    }
    reply_integer(c->to, count);
    return KV_OK;
}

kv_status command_bitpos(call *c) {
    entry it;
    int64_t wanted, first = 0, last;
    TRY(call_integer(c, 2, &wanted));
    if (wanted != 0 && wanted != 1) return call_fail(c, "ERR The bit argument must be 1 or 0.");
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    if (!it.some) {
        reply_integer(c->to, wanted == 1 ? -1 : 0);
        return KV_OK;
    }
    if (c->argc > 6) return call_fail_syntax(c);
    last = (int64_t)it.value.len * 8 - 1;
    if (c->argc > 3) TRY(read_range(c, 3, it.value.len, &first, &last));
    bool some = first <= last;
    uint8_t skipped = wanted == 1 ? 0 : 255;
    while (first <= last && bit_at(it.value, (uint64_t)first) != wanted) {
        bool whole = first % 8 == 0 && last - first >= 7 && it.value.data[first / 8] == skipped;
        first += whole ? 8 : 1;
    }
    /* Behind a string there are zeros, unless it was told where to end. */
    bool behind = some && wanted == 0 && c->argc <= 4;
    reply_integer(c->to, first <= last || behind ? first : -1);
    return KV_OK;
}

/* ---- BITOP ---- */

typedef enum { AND, OR, XOR, NOT } operation;

static bool read_operation(const call *c, operation *out) {
    static const char *const names[] = {"and", "or", "xor", "not"};
    for (*out = AND; *out <= NOT; ++*out)
        if (call_is(c, 1, names[*out])) return true;
    return false;
}

static void combine(uint8_t *to, size_t size, radon_bytes with, operation operation) {
    for (size_t index = 0; index < size; index++) {
        uint8_t byte = index < with.len ? with.data[index] : 0;
        if (operation == AND) to[index] &= byte;
        else if (operation == OR) to[index] |= byte;
        else to[index] ^= byte;
    }
}

kv_status command_bitop(call *c) {
    entry it, old;
    operation operation;
    size_t size = 0, ignored;
    if (!read_operation(c, &operation)) return call_fail_syntax(c);
    if (operation == NOT && c->argc != 4) return call_fail(c, "ERR BITOP NOT must be called with a single source key.");
    for (size_t index = 3; index < c->argc; index++) {
        TRY(key_load_typed(c, call_key(c, index), TYPE_STRING, &it));
        if (it.value.len > size) size = it.value.len;
    }
    TRY(key_load_typed(c, call_key(c, 3), TYPE_STRING, &it));
    uint8_t *value = copy_of(&it, size, &ignored);
    for (size_t index = 4; index < c->argc; index++) {
        TRY(key_load(c, call_key(c, index), &it));
        combine(value, size, it.value, operation);
    }
    for (size_t index = 0; operation == NOT && index < size; index++) value[index] = (uint8_t)~value[index];
    radon_bytes key = call_key(c, 2);
    TRY(key_load(c, key, &old));
    reply_integer(c->to, (int64_t)size);
    return size > 0 ? string_store(key, value, size, 0, &old) : entry_remove(key, &old);
}
