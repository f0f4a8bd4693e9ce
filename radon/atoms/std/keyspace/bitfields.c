/* bitfields.c - BITFIELD: integers of any width, anywhere in a string. */
#include "call.h"

typedef enum { GET, SET_TO, INCREASE } action;
typedef enum { WRAP, SATURATE, FAIL } overflow;

typedef struct {
    action action;
    overflow overflow;
    bool is_signed;
    int width;
    uint64_t offset;
    int64_t value;
} step;

/* ---- reading ---- */

/* "u8", "i64": unsigned ones have at most 63 bits. */
static bool read_type(radon_bytes text, step *out) {
    int64_t width;
    bool letter = text.len > 1 && (text.data[0] == 'i' || text.data[0] == 'u');
    out->is_signed = letter && text.data[0] == 'i';
    if (!letter || !read_integer(radon_slice(text, 1, text.len), &width)) return false;
    out->width = width >= 1 && width <= (out->is_signed ? 64 : 63) ? (int)width : 0;
    return out->width > 0;
}

/* In bits, or behind '#' in integers of that width; below `most` bytes. */
static bool read_offset(radon_bytes text, uint64_t most, step *out) {
    int64_t offset;
    bool counts = text.len > 0 && text.data[0] == '#';
    if (!read_integer(radon_slice(text, counts, text.len), &offset) || offset < 0) return false;
    if (counts && __builtin_mul_overflow(offset, out->width, &offset)) return false;
    out->offset = (uint64_t)offset;
    return out->offset < most * 8;
}

static kv_status read_step(call *c, size_t *index, bool *writes, step *out) {
    size_t left = c->argc - *index - 1;
    bool get = call_is(c, *index, "get"), set = call_is(c, *index, "set"), increase = call_is(c, *index, "incrby");
    bool known = (get && left >= 2) || ((set || increase) && left >= 3);
    if (!known) return call_fail_syntax(c);
    if (!read_type(c->argv[*index + 1], out))
        return call_fail(c, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
            "i64 is.");
    if (!read_offset(c->argv[*index + 2], get ? READ_MOST : KV_VALUE_MAX, out))
        return call_fail(c, "ERR bit offset is not an integer or out of range");
    out->action = get ? GET : set ? SET_TO : INCREASE;
    if (!get) TRY(call_integer(c, *index + 3, &out->value));
    *writes |= !get;
    *index += get ? 3 : 4;
    return KV_OK;
}

static kv_status read_overflow(call *c, size_t index, overflow *out) {
    if (call_is(c, index, "wrap")) *out = WRAP;
    else if (call_is(c, index, "sat")) *out = SATURATE;
    else if (call_is(c, index, "fail")) *out = FAIL;
    else return call_fail(c, "ERR Invalid OVERFLOW type specified");
    return KV_OK;
}

static kv_status read_steps(call *c, step *steps, size_t *count, bool *writes) {
    overflow overflow = WRAP;
    *count = 0;
    *writes = false;
    for (size_t index = 2; index < c->argc;) {
        if (call_is(c, index, "overflow") && index + 1 < c->argc) {
            TRY(read_overflow(c, index + 1, &overflow));
            index += 2;
            continue;
        }
        step *next = &steps[(*count)++];
        *next = (step){.overflow = overflow};
        TRY(read_step(c, &index, writes, next));
    }
    return KV_OK;
}

/* ---- integers in bits ---- */

static uint64_t load(const uint8_t *bits, size_t size, uint64_t offset, int width) {
    uint64_t number = 0;
    for (int bit = 0; bit < width; bit++, offset++) {
        bool on = offset / 8 < size && bits[offset / 8] >> (7 - offset % 8) & 1;
        number = number << 1 | on;
    }
    return number;
}

static void save(uint8_t *bits, uint64_t offset, int width, uint64_t number) {
    for (int bit = width - 1; bit >= 0; bit--, offset++) {
        uint8_t mask = (uint8_t)(1 << (7 - offset % 8));
        bool on = number >> bit & 1;
        bits[offset / 8] = (uint8_t)(on ? bits[offset / 8] | mask : bits[offset / 8] & ~mask);
    }
}

/* The number of this type that has these bits. */
static int64_t as_number(const step *it, uint64_t bits) {
    int unused = 64 - it->width;
    return it->is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)(bits << unused >> unused);
}

static int64_t least(const step *it) { return it->is_signed ? INT64_MIN >> (64 - it->width) : 0; }
static int64_t most(const step *it) {
    return it->is_signed ? INT64_MAX >> (64 - it->width) : (int64_t)(UINT64_MAX >> (64 - it->width));
}

/* What is to be written: `base` and `delta` added, if it fits. False: it is not to be written. */
static bool sum_of(const step *it, int64_t base, int64_t delta, int64_t *out) {
    int64_t sum;
    bool wraps = __builtin_add_overflow(base, delta, &sum), above = wraps ? delta > 0 : sum > most(it);
    if (!wraps && !above && sum >= least(it)) {
        *out = sum;
        return true;
    }
    *out = it->overflow == SATURATE ? above ? most(it) : least(it) : as_number(it, (uint64_t)base + (uint64_t)delta);
    return it->overflow != FAIL;
}

/* ---- the command ---- */

static void run_step(call *c, const step *it, uint8_t *bits, size_t size) {
    int64_t old = as_number(it, load(bits, size, it->offset, it->width)), new = old;
    bool fits = true;
    /* An unsigned field that is set takes a number below 0 for one that is too large. */
    bool huge = it->action == SET_TO && !it->is_signed && it->value < 0;
    if (it->action == INCREASE) fits = sum_of(it, old, it->value, &new);
    else if (huge) new = it->overflow == SATURATE ? most(it) : as_number(it, (uint64_t)it->value);
    else if (it->action == SET_TO) fits = sum_of(it, 0, it->value, &new);
    if (huge) fits = it->overflow != FAIL;
    if (!fits) return reply_null(c->to);
    if (it->action != GET) save(bits, it->offset, it->width, (uint64_t)new);
    reply_integer(c->to, it->action == INCREASE ? new : old);
}

static kv_status bitfield(call *c, bool may_write) {
    entry old;
    size_t count, size;
    bool writes;
    radon_bytes key = call_key(c, 1);
    step *steps = radon_alloc(c->argc * sizeof *steps);
    TRY(read_steps(c, steps, &count, &writes));
    if (writes && !may_write) return call_fail(c, "ERR BITFIELD_RO only supports the GET subcommand");
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    size = old.value.len;
    for (size_t index = 0; index < count; index++) {
        const step *it = &steps[index];
        size_t end = (size_t)((it->offset + (uint64_t)it->width + 7) / 8);
        if (it->action != GET && end > size) size = end;
    }
    if (size > KV_VALUE_MAX) return KV_TOO_LARGE;
    uint8_t *value = string_room(size);
    memcpy(value, old.value.data, old.value.len);
    memset(value + old.value.len, 0, size - old.value.len);
    reply_array(c->to, count);
    for (size_t index = 0; index < count; index++) run_step(c, &steps[index], value, size);
    return writes ? string_store(key, value, size, old.expiry, &old) : KV_OK;
}

kv_status command_bitfield(call *c) { return bitfield(c, true); }
kv_status command_bitfield_ro(call *c) { return bitfield(c, false); }
