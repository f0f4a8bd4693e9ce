/* parameters.c - what CONFIG SET has set, which each shard knows; what may be set at all the connections know.
 *
 *     parameters   bucket: name -> value, as text
 *
 * Commands of connections for that:
 *
 *     .parameters (SHOWN NAME OTHERWISE)...   a map of what is shown to the value of that name, or what it is otherwise
 *     .set-parameters (NAME VALUE)...         OK
 */
#include "keyspace.h"

static radon_bucket parameters;

static uint64_t limits[ENCODING_LIMITS];

static const struct {
    const char *name;
    uint64_t otherwise;
} known[ENCODING_LIMITS] = {
    [HASH_ENTRIES] = {"hash-max-listpack-entries", 512}, [HASH_BYTES] = {"hash-max-listpack-value", 64},
    [SET_INTEGERS] = {"set-max-intset-entries", 512},
    [ZSET_ENTRIES] = {"zset-max-listpack-entries", 128}, [ZSET_BYTES] = {"zset-max-listpack-value", 64},
};

static kv_status read_limits(void) {
    for (size_t index = 0; index < ENCODING_LIMITS; index++) {
        radon_option set;
        TRY(status_of(radon_bucket_get(parameters, radon_text(known[index].name), &set)));
        limits[index] = known[index].otherwise;
        if (set.some && !radon_parse_u64(set.value, &limits[index])) limits[index] = UINT64_MAX; /* below 0: no limit */
    }
    return KV_OK;
}

kv_status parameters_begin(void) {
    if (parameters.handle != 0) return KV_OK;
    if (radon_state_open(radon_text("parameters"), &parameters) != RADON_OK) return KV_INVALID;
    return read_limits();
}

bool beyond(encoding_limit limit, uint64_t number) { return number > limits[limit]; }

static kv_status show(call *c) {
    reply_map(c->to, c->argc / 3);
    for (size_t index = 1; index + 2 < c->argc; index += 3) {
        radon_option set;
        TRY(status_of(radon_bucket_get(parameters, c->argv[index + 1], &set)));
        reply_bulk(c->to, c->argv[index]);
        reply_bulk(c->to, set.some ? set.value : c->argv[index + 2]);
    }
    return KV_OK;
}

static kv_status set(call *c) {
    for (size_t index = 1; index + 1 < c->argc; index += 2) {
        radon_option before;
        TRY(status_of(radon_bucket_get(parameters, c->argv[index], &before)));
        TRY(entries_write(parameters, c->argv[index], radon_some(c->argv[index + 1]), before));
    }
    reply_status(c->to, "OK");
    return read_limits();
}

kv_status parameters_run(call *c) { return call_is(c, 0, ".parameters") ? show(c) : set(c); }
