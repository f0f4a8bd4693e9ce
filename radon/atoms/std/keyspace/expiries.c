/* expiries.c - EXPIRE, TTL and their like. */
#include "expiries.h"

kv_status call_fail_expiry(call *c) {
    return call_fail_about(c, "ERR invalid expire time in '", radon_text(c->is->name), "' command");
}

/* From the unit to ms since 1970. */
static bool convert(int64_t time, expiry_unit unit, int64_t *out) {
    *out = time;
    if (is_in_seconds(unit) && __builtin_mul_overflow(time, 1000, out)) return false;
    return !is_relative(unit) || !__builtin_add_overflow(*out, call_now(), out);
}

kv_status call_expiry(call *c, size_t index, expiry_unit unit, uint64_t *out) {
    int64_t time;
    TRY(call_integer(c, index, &time));
    if (time <= 0 || !convert(time, unit, &time)) return call_fail_expiry(c);
    *out = expiry_at(time);
    return KV_OK;
}

kv_status entry_expire_at(radon_bytes key, const entry *it, uint64_t expiry) {
    uint8_t *value = string_room(it->value.len);
    memcpy(value, it->value.data, it->value.len);
    return entry_store(key, value, it->value.len, it->tag, expiry, it);
}

/* ---- EXPIRE ---- */

enum { ONLY_NEW = 1, ONLY_PRESENT = 2, ONLY_LATER = 4, ONLY_EARLIER = 8 };

static kv_status read_conditions(call *c, int *out) {
    *out = 0;
    for (size_t index = 3; index < c->argc; index++) {
        if (call_is(c, index, "nx")) *out |= ONLY_NEW;
        else if (call_is(c, index, "xx")) *out |= ONLY_PRESENT;
        else if (call_is(c, index, "gt")) *out |= ONLY_LATER;
        else if (call_is(c, index, "lt")) *out |= ONLY_EARLIER;
        else return call_fail_about(c, "ERR Unsupported option ", c->argv[index], "");
    }
    if ((*out & ONLY_NEW) && *out != ONLY_NEW)
        return call_fail(c, "ERR NX and XX, GT or LT options at the same time are not compatible");
    if ((*out & ONLY_LATER) && (*out & ONLY_EARLIER))
        return call_fail(c, "ERR GT and LT options at the same time are not compatible");
    return KV_OK;
}

static bool holds(int conditions, uint64_t before, int64_t time) {
    if ((conditions & ONLY_NEW) && before != 0) return false;
    if ((conditions & ONLY_PRESENT) && before == 0) return false;
    if ((conditions & ONLY_LATER) && (before == 0 || time <= expiry_ms(before))) return false;
    return !(conditions & ONLY_EARLIER) || before == 0 || time < expiry_ms(before);
}

static kv_status expire(call *c, expiry_unit unit) {
    int conditions;
    int64_t time;
    entry it;
    radon_bytes key = call_key(c, 1);
    TRY(read_conditions(c, &conditions));
    TRY(call_integer(c, 2, &time));
    if (!convert(time, unit, &time)) return call_fail_expiry(c);
    TRY(key_load(c, key, &it));
    bool done = it.some && holds(conditions, it.expiry, time);
    if (done && time <= call_now()) TRY(entry_remove(key, &it));
    else if (done) TRY(entry_expire_at(key, &it, expiry_at(time)));
    reply_integer(c->to, done);
    return KV_OK;
}

kv_status command_expire(call *c) { return expire(c, EXPIRY_EX); }
kv_status command_pexpire(call *c) { return expire(c, EXPIRY_PX); }
kv_status command_expireat(call *c) { return expire(c, EXPIRY_EXAT); }
kv_status command_pexpireat(call *c) { return expire(c, EXPIRY_PXAT); }

kv_status command_persist(call *c) {
    entry it;
    radon_bytes key = call_key(c, 1);
    TRY(key_load(c, key, &it));
    if (it.expiry != 0) TRY(entry_expire_at(key, &it, 0));
    reply_integer(c->to, it.expiry != 0);
    return KV_OK;
}

/* ---- TTL ---- */

static kv_status reply_time(call *c, int64_t since, bool in_seconds) {
    entry it;
    TRY(key_load(c, call_key(c, 1), &it));
    int64_t time = it.some ? -1 : -2;
    if (it.expiry != 0) {
        time = expiry_ms(it.expiry) - since;
        if (in_seconds) time = (time + 500) / 1000;
    }
    reply_integer(c->to, time);
    return KV_OK;
}

kv_status command_ttl(call *c) { return reply_time(c, call_now(), true); }
kv_status command_pttl(call *c) { return reply_time(c, call_now(), false); }
kv_status command_expiretime(call *c) { return reply_time(c, 0, true); }
kv_status command_pexpiretime(call *c) { return reply_time(c, 0, false); }
