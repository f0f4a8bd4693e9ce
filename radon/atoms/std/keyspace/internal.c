/* internal.c - commands of connections, which no client can send: their names begin with a dot.
 *
 *     .wait KEY...    1 as soon as something can be popped from one of the keys; what it is is not looked at
 *     .info [COMMANDS CONNECTIONS CALLS]    the places of those who wait, of each database its entries and those with an expiry,
 *                     and statistics; u64 each. The arguments are what connections have counted since they last told
 *     .reset-statistics    what it says
 *     .unblock ATOM WHY    1 if the connection of this address waited: it is told the place and WHY, and waits no more
 *     .parameters, .set-parameters    parameters.c
 *     .enter, .leave                  lines.c
 *     others          redis/pubsub.h
 */
#include "keyspace.h"

static kv_status command_wait(call *c) {
    for (size_t index = 1; index < c->argc; index++) {
        entry it;
        TRY(key_load(c, call_key(c, index), &it));
        if (!it.some || (it.tag != TYPE_LIST && it.tag != TYPE_ZSET)) continue;
        reply_integer(c->to, 1);
        return KV_OK;
    }
    if (c->argc > 1) call_wait(c, 1, c->argc - 1);
    reply_integer(c->to, 0);
    return KV_OK;
}

static kv_status command_info(call *c) {
    tally counts[DATABASES];
    counts_now(counts);
    if (c->argc == 4) statistics_told(c->argv[1], c->argv[2], c->argv[3]);
    reply_array(c->to, 3);
    reply_bulk(c->to, waiters_places());
    reply_bulk(c->to, (radon_bytes){(const uint8_t *)counts, sizeof counts});
    reply_bulk(c->to, (radon_bytes){(const uint8_t *)statistics_now(), sizeof(statistics)});
    return KV_OK;
}

static kv_status command_reset(call *c) {
    statistics_reset();
    reply_status(c->to, "OK");
    return KV_OK;
}

static kv_status command_unblock(call *c) {
    if (c->argc != 3) return FAILED;
    reply_integer(c->to, waiters_unblock(c->argv[1], c->argv[2]));
    return KV_OK;
}

kv_status internal_run(call *c) {
    if (call_is(c, 0, ".info")) return command_info(c);
    if (call_is(c, 0, ".reset-statistics")) return command_reset(c);
    if (call_is(c, 0, ".unblock")) return command_unblock(c);
    if (call_is(c, 0, ".enter") || call_is(c, 0, ".leave")) return lines_run(c);
    if (call_is(c, 0, ".parameters") || call_is(c, 0, ".set-parameters")) return parameters_run(c);
    return call_is(c, 0, ".wait") ? command_wait(c) : subscribers_run(c);
}
