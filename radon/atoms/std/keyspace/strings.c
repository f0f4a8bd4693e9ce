/* strings.c - strings as a whole: SET and GET in all their forms. */
#include "expiries.h"

static kv_status put(radon_bytes key, radon_bytes value, uint64_t expiry, const entry *old) {
    uint8_t *room = string_room(value.len);
    memcpy(room, value.data, value.len);
    return string_store(key, room, value.len, expiry, old);
}

static void reply_value(call *c, const entry *it) { it->some ? reply_bulk(c->to, it->value) : reply_null(c->to); }

/* ---- options ---- */

typedef struct {
    bool if_absent, if_present, get, keep, persist;
    expiry_unit unit;
    size_t time; /* the argument that the unit goes with */
} options;

static expiry_unit unit_of(const call *c, size_t index) {
    if (call_is(c, index, "ex")) return EXPIRY_EX;
    if (call_is(c, index, "px")) return EXPIRY_PX;
    if (call_is(c, index, "exat")) return EXPIRY_EXAT;
    return call_is(c, index, "pxat") ? EXPIRY_PXAT : EXPIRY_NONE;
}

/* Of SET, or else of GETEX. */
static kv_status read_options(call *c, size_t index, bool set, options *out) {
    *out = (options){0};
    for (; index < c->argc; index++) {
        bool timed = out->unit != EXPIRY_NONE;
        expiry_unit unit = unit_of(c, index);
        if (set && call_is(c, index, "nx") && !out->if_present) {
            out->if_absent = true;
        } else if (set && call_is(c, index, "xx") && !out->if_absent) {
            out->if_present = true;
        } else if (set && call_is(c, index, "get")) {
            out->get = true;
        } else if (set && call_is(c, index, "keepttl") && !timed) {
            out->keep = true;
        } else if (!set && call_is(c, index, "persist") && !timed) {
            out->persist = true;
        } else if (unit != EXPIRY_NONE && (!timed || out->unit == unit) && !out->keep && !out->persist &&
                   index + 1 < c->argc) {
            out->unit = unit;
            out->time = ++index;
        } else {
            return call_fail_syntax(c);
        }
    }
    return KV_OK;
}

/* ---- SET ---- */

kv_status command_set(call *c) {
    options given;
    entry old;
    uint64_t expiry = 0;
    radon_bytes key = call_key(c, 1);
    TRY(read_options(c, 3, true, &given));
    if (given.unit != EXPIRY_NONE) TRY(call_expiry(c, given.time, given.unit, &expiry));
    TRY(key_load(c, key, &old));
    if (given.get && old.some && old.tag != TYPE_STRING) return call_fail_wrong_type(c);
    if (given.get) reply_value(c, &old);
    if ((given.if_absent && old.some) || (given.if_present && !old.some)) {
        if (!given.get) reply_null(c->to);
        return KV_OK;
    }
    TRY(put(key, c->argv[2], given.keep ? old.expiry : expiry, &old));
    if (!given.get) reply_status(c->to, "OK");
    return KV_OK;
}

kv_status command_setnx(call *c) {
    entry old;
    radon_bytes key = call_key(c, 1);
    TRY(key_load(c, key, &old));
    if (!old.some) TRY(put(key, c->argv[2], 0, &old));
    reply_integer(c->to, !old.some);
    return KV_OK;
}

static kv_status set_expiring(call *c, expiry_unit unit) {
    entry old;
    uint64_t expiry;
    radon_bytes key = call_key(c, 1);
    TRY(call_expiry(c, 2, unit, &expiry));
    TRY(key_load(c, key, &old));
    TRY(put(key, c->argv[3], expiry, &old));
    reply_status(c->to, "OK");
    return KV_OK;
}

kv_status command_setex(call *c) { return set_expiring(c, EXPIRY_EX); }
kv_status command_psetex(call *c) { return set_expiring(c, EXPIRY_PX); }

static kv_status set_many(call *c) {
    for (size_t index = 1; index < c->argc; index += 2) {
        entry old;
        radon_bytes key = call_key(c, index);
        TRY(key_load(c, key, &old));
        TRY(put(key, c->argv[index + 1], 0, &old));
    }
    return KV_OK;
}

kv_status command_mset(call *c) {
    if (c->argc % 2 == 0) return call_fail_arity(c);
    TRY(set_many(c));
    reply_status(c->to, "OK");
    return KV_OK;
}

kv_status command_msetnx(call *c) {
    bool some = false;
    if (c->argc % 2 == 0) return call_fail_arity(c);
    for (size_t index = 1; index < c->argc && !some; index += 2) {
        entry old;
        TRY(key_load(c, call_key(c, index), &old));
        some = old.some;
    }
    if (!some) TRY(set_many(c));
    reply_integer(c->to, !some);
    return KV_OK;
}

/* ---- GET ---- */

kv_status command_get(call *c) {
    entry it;
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    reply_value(c, &it);
    return KV_OK;
}

kv_status command_getset(call *c) {
    entry old;
    radon_bytes key = call_key(c, 1);
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    reply_value(c, &old);
    return put(key, c->argv[2], 0, &old);
}

kv_status command_getdel(call *c) {
    entry old;
    radon_bytes key = call_key(c, 1);
    TRY(key_load_typed(c, key, TYPE_STRING, &old));
    reply_value(c, &old);
    return entry_remove(key, &old);
}

kv_status command_getex(call *c) {
    options given;
    entry it;
    uint64_t expiry = 0;
    radon_bytes key = call_key(c, 1);
    TRY(read_options(c, 2, false, &given));
    TRY(key_load_typed(c, key, TYPE_STRING, &it));
    if (it.some && given.unit != EXPIRY_NONE) TRY(call_expiry(c, given.time, given.unit, &expiry));
    reply_value(c, &it);
    if (!it.some || (given.unit == EXPIRY_NONE && !(given.persist && it.expiry != 0))) return KV_OK;
    return entry_expire_at(key, &it, expiry);
}

kv_status command_mget(call *c) {
    reply_array(c->to, c->argc - 1);
    for (size_t index = 1; index < c->argc; index++) {
        entry it;
        TRY(key_load(c, call_key(c, index), &it));
        if (it.tag != TYPE_STRING) it.some = false;
        reply_value(c, &it);
    }
    return KV_OK;
}
