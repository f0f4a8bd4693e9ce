/* keys.c - entries of any type, one by one. */
#include "collections.h"
#include "expiries.h"

/* ---- how many there are ---- */

static kv_status remove_all(call *c) {
    int64_t count = 0;
    for (size_t index = 1; index < c->argc; index++) {
        entry it;
        radon_bytes key = call_key(c, index);
        TRY(key_load(c, key, &it));
        TRY(entry_remove(key, &it));
        count += it.some;
    }
    reply_integer(c->to, count);
    return KV_OK;
}

kv_status command_del(call *c) { return remove_all(c); }
kv_status command_unlink(call *c) { return remove_all(c); }

static kv_status count_all(call *c) {
    int64_t count = 0;
    for (size_t index = 1; index < c->argc; index++) {
        entry it;
        TRY(key_load(c, call_key(c, index), &it));
        count += it.some;
    }
    reply_integer(c->to, count);
    return KV_OK;
}

kv_status command_exists(call *c) { return count_all(c); }
kv_status command_touch(call *c) { return count_all(c); }

/* ---- what they are ---- */

kv_status command_type(call *c) {
    entry it;
    TRY(key_load(c, call_key(c, 1), &it));
    reply_status(c->to, it.some ? type_table[it.tag].name : "none");
    return KV_OK;
}

#define SHARED_INTEGERS 10000        /* Redis has one object for each number below, */
#define SHARED_REFERENCES 2147483647 /* with this many references */

static int64_t references(const entry *it) {
    int64_t number;
    bool is_number = it->tag == TYPE_STRING && read_integer(it->value, &number);
    return is_number && number >= 0 && number < SHARED_INTEGERS ? SHARED_REFERENCES : 1;
}

/* There is no memory to save, so that what of it concerns Redis' own says what is usual there. */
kv_status command_object(call *c) {
    static const char *const names[] = {"encoding", "freq", "idletime", "refcount"};
    entry it;
    size_t which = 0;
    while (which < 4 && !call_is(c, 1, names[which])) which++;
    if (which == 4)
        return call_fail_about(c, "ERR unknown subcommand '", radon_slice(c->argv[1], 0, 128), "'. Try OBJECT HELP.");
    if (c->argc != 3) {
        const char *name = names[which];
        radon_bytes whole = radon_concat(radon_text("object|"), radon_text(name));
        return call_fail_about(c, "ERR wrong number of arguments for '", whole, "' command");
    }
    TRY(key_load(c, call_key(c, 2), &it));
    if (!it.some) reply_null(c->to);
    else if (which == 0) reply_bulk_text(c->to, type_table[it.tag].encoding(&it));
    else if (which == 1)
        return call_fail(c, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
            "that when switching between policies at runtime LRU and LFU data will take some time to adjust.");
    else reply_integer(c->to, which == 2 ? 0 : references(&it));
    return KV_OK;
}

/* ---- MEMORY USAGE: what it counts against the quota, about ---- */

#define OVERHEAD 32 /* bytes that an entry of state counts */

/* Of so many elements as the first `samples` are on average; 0: of all. */
static uint64_t size_of_elements(const entry *it, uint64_t samples) {
    collection of;
    radon_bytes name, element;
    uint64_t bytes = 0, seen = 0;
    collection_of(it, &of);
    walk walk = walk_begin(&of, RADON_NONE, RADON_NONE, false);
    for (; (samples == 0 || seen < samples) && walk_next(&walk, &name, &element); seen++)
        bytes += OVERHEAD + sizeof of.number + name.len + element.len;
    uint64_t all = it->tag == TYPE_ZSET ? 2 * of.count : of.count;
    return samples == 0 || seen >= all ? bytes : (uint64_t)((double)bytes / (double)seen * (double)all);
}

kv_status command_memory(call *c) {
    entry it;
    int64_t samples = 5;
    if (!call_is(c, 1, "usage"))
        return call_fail_about(c, "ERR unknown subcommand '", radon_slice(c->argv[1], 0, 128), "'. Try MEMORY HELP.");
    if (c->argc == 2) return call_fail(c, "ERR wrong number of arguments for 'memory|usage' command");
    if (c->argc != 3 && (c->argc != 5 || !call_is(c, 3, "samples"))) return call_fail_syntax(c);
    if (c->argc == 5) TRY(call_integer(c, 4, &samples));
    if (c->argc == 5 && samples < 0) return call_fail_syntax(c);
    TRY(key_load(c, call_key(c, 2), &it));
    if (!it.some) {
        reply_null(c->to);
        return KV_OK;
    }
    uint64_t bytes = OVERHEAD + 1 + c->argv[2].len + KV_HEAD + it.value.len;
    if (it.tag != TYPE_STRING) bytes += size_of_elements(&it, (uint64_t)samples);
    reply_integer(c->to, (int64_t)bytes);
    return KV_OK;
}

/* ---- dumps: type (u8), what a FETCH gives, version of the format (u8), hash of all that (u64) ---- */

#define DUMP_VERSION 1
#define DUMP_TAIL 9

kv_status command_dump(call *c) {
    entry it;
    radon_bytes inside;
    radon_buffer dump = {0};
    TRY(key_load(c, call_key(c, 1), &it));
    if (!it.some) {
        reply_null(c->to);
        return KV_OK;
    }
    TRY(entry_dump(&it, &inside));
    radon_buffer_add_byte(&dump, it.tag);
    radon_buffer_add(&dump, inside);
    radon_buffer_add_byte(&dump, DUMP_VERSION);
    uint64_t hash = kv_hash(radon_buffer_bytes(&dump));
    radon_store_u64(radon_buffer_extend(&dump, 8), hash);
    reply_bulk(c->to, radon_buffer_bytes(&dump));
    return KV_OK;
}

static bool is_dump(radon_bytes dump) {
    if (dump.len < 1 + DUMP_TAIL || dump.data[dump.len - DUMP_TAIL] != DUMP_VERSION) return false;
    return kv_hash(radon_slice(dump, 0, dump.len - 8)) == radon_load_u64(dump.data + dump.len - 8);
}

typedef struct {
    bool replace, absolute;
} options;

static kv_status read_options(call *c, options *out) {
    bool timed = false, counted = false;
    *out = (options){0};
    for (size_t index = 4; index < c->argc; index++) {
        int64_t number;
        bool more = index + 1 < c->argc;
        if (call_is(c, index, "replace")) {
            out->replace = true;
        } else if (call_is(c, index, "absttl")) {
            out->absolute = true;
        } else if (call_is(c, index, "idletime") && more && !counted) {
            TRY(call_integer(c, ++index, &number));
            if (number < 0) return call_fail(c, "ERR Invalid IDLETIME value, must be >= 0");
            timed = true;
        } else if (call_is(c, index, "freq") && more && !timed) {
            TRY(call_integer(c, ++index, &number));
            if (number < 0 || number > 255) return call_fail(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
            counted = true;
        } else {
            return call_fail_syntax(c);
        }
    }
    return KV_OK;
}

kv_status command_restore(call *c) {
    options given;
    entry old;
    int64_t time;
    uint64_t expiry = 0;
    radon_bytes key = call_key(c, 1), dump = c->argv[3];
    TRY(read_options(c, &given));
    TRY(key_load(c, key, &old));
    if (old.some && !given.replace) return call_fail(c, "BUSYKEY Target key name already exists.");
    TRY(call_integer(c, 2, &time));
    if (time < 0) return call_fail(c, "ERR Invalid TTL value, must be >= 0");
    if (!is_dump(dump)) return call_fail(c, "ERR DUMP payload version or checksum are wrong");
    if (time != 0 && !given.absolute && __builtin_add_overflow(time, call_now(), &time)) return call_fail_expiry(c);
    if (time != 0) expiry = expiry_at(time);
    radon_bytes inside = radon_slice(dump, 1, dump.len - DUMP_TAIL);
    if (time != 0 && time <= call_now()) {
        TRY(entry_remove(key, &old));
    } else {
        kv_status status = dump.data[0] < TYPES ? entry_restore(key, (type)dump.data[0], inside, expiry, &old) : FAILED;
        if (status == FAILED) return call_fail(c, "ERR Bad data format");
        TRY(status);
    }
    reply_status(c->to, "OK");
    return KV_OK;
}
