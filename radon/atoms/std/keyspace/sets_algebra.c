/* sets_algebra.c - unions, intersections and differences of sets. */
#include "algebra.h"
#include "sets.h"

static kv_status reply(call *c, operation is) {
    source *sources;
    results found;
    TRY(sources_open(c, 1, c->argc - 1, false, &sources));
    TRY(algebra(is, SUM, sources, c->argc - 1, 0, &found));
    reply_set(c->to, found.len);
    for (size_t index = 0; index < found.len; index++) reply_bulk(c->to, found.data[index].member);
    return KV_OK;
}

static kv_status store(call *c, operation is) {
    source *sources;
    results found;
    collection set;
    bool is_new;
    TRY(sources_open(c, 2, c->argc - 2, false, &sources));
    TRY(algebra(is, SUM, sources, c->argc - 2, 0, &found));
    TRY(collection_new(c, call_key(c, 1), TYPE_SET, &set));
    for (size_t index = 0; index < found.len; index++) TRY(set_add(&set, found.data[index].member, &is_new));
    TRY(collection_close(&set));
    reply_integer(c->to, (int64_t)found.len);
    return KV_OK;
}

kv_status command_sunion(call *c) { return reply(c, UNION); }
kv_status command_sinter(call *c) { return reply(c, INTER); }
kv_status command_sdiff(call *c) { return reply(c, DIFF); }
kv_status command_sunionstore(call *c) { return store(c, UNION); }
kv_status command_sinterstore(call *c) { return store(c, INTER); }
kv_status command_sdiffstore(call *c) { return store(c, DIFF); }

kv_status command_sintercard(call *c) {
    source *sources;
    results found;
    int64_t count, limit = 0;
    TRY(call_integer_in(c, 1, 1, INT64_MAX, &count, "ERR numkeys should be greater than 0"));
    if ((uint64_t)count > c->argc - 2) return call_fail(c, "ERR Number of keys can't be greater than number of args");
    for (size_t index = 2 + (size_t)count; index < c->argc; index += 2) {
        if (!call_is(c, index, "limit") || index + 1 == c->argc) return call_fail_syntax(c);
        TRY(call_integer_in(c, index + 1, 0, INT64_MAX, &limit, "ERR LIMIT can't be negative"));
    }
    TRY(sources_open(c, 2, (size_t)count, false, &sources));
    TRY(algebra(INTER, SUM, sources, (size_t)count, (uint64_t)limit, &found));
    reply_integer(c->to, (int64_t)found.len);
    return KV_OK;
}
