/* zsets_pops.c - taking the lowest or the highest of a sorted set, and waiting for one. */
#include "zsets_ranges.h"

/* The first of the keys argv[first] ... argv[last] that has something; else the set has no members. */
static kv_status open_first(call *c, size_t first, size_t last, collection *zset, size_t *at) {
    for (*at = first; *at <= last; ++*at) {
        TRY(collection_open(c, call_key(c, *at), TYPE_ZSET, zset));
        if (zset->count > 0) break;
    }
    return KV_OK;
}

typedef enum { FLAT, PAIRS } form;

/* Takes that many and replies them. */
static kv_status pop(call *c, collection *zset, bool highest, uint64_t count, form form) {
    span span;
    scored it;
    range from = range_at_end(highest, count);
    TRY(span_of(zset, &from, &span));
    while (span_next(&span, &it)) {
        if (form == PAIRS) reply_array(c->to, 2);
        reply_bulk(c->to, it.member);
        reply_score(c->to, it.score);
        TRY(zset_remove(zset, it));
    }
    return collection_close(zset);
}

static uint64_t at_most(uint64_t count, uint64_t most) { return count < most ? count : most; }

static kv_status pop_some(call *c, bool highest) {
    collection zset;
    int64_t wanted = 1;
    if (c->argc > 3) return call_fail_syntax(c);
    if (c->argc == 3) TRY(call_count(c, 2, &wanted));
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    uint64_t count = at_most((uint64_t)wanted, zset.count);
    form form = c->to->resp == 3 && c->argc == 3 ? PAIRS : FLAT;
    reply_array(c->to, (size_t)(form == PAIRS ? count : 2 * count));
    return pop(c, &zset, highest, count, form);
}

kv_status command_zpopmin(call *c) { return pop_some(c, false); }
kv_status command_zpopmax(call *c) { return pop_some(c, true); }

/* ---- of several keys ---- */

static kv_status wait(call *c, size_t first, size_t last) {
    call_wait(c, first, last);
    reply_null_array(c->to);
    return KV_OK;
}

static kv_status pop_or_wait(call *c, bool highest) {
    collection zset;
    size_t at, last = c->argc - 2;
    TRY(call_timeout(c, c->argc - 1));
    TRY(open_first(c, 1, last, &zset, &at));
    if (zset.count == 0) return wait(c, 1, last);
    reply_array(c->to, 3);
    reply_bulk(c->to, c->argv[at]);
    return pop(c, &zset, highest, 1, FLAT);
}

kv_status command_bzpopmin(call *c) { return pop_or_wait(c, false); }
kv_status command_bzpopmax(call *c) { return pop_or_wait(c, true); }

/* How many keys there are is argv[number]; before it there may be a timeout. */
static kv_status pop_of_many(call *c, size_t number) {
    collection zset;
    int64_t keys, wanted = 0;
    TRY(call_integer_in(c, number, 1, INT64_MAX, &keys, "ERR numkeys should be greater than 0"));
    if ((uint64_t)keys >= c->argc - number - 1) return call_fail_syntax(c);
    size_t last = number + (size_t)keys, at = last + 1;
    bool highest = call_is(c, at, "max");
    if (!highest && !call_is(c, at, "min")) return call_fail_syntax(c);
    for (at++; at < c->argc; at += 2) {
        if (wanted != 0 || !call_is(c, at, "count") || at + 1 == c->argc) return call_fail_syntax(c);
        TRY(call_integer_in(c, at + 1, 1, INT64_MAX, &wanted, "ERR count should be greater than 0"));
    }
    if (number > 1) TRY(call_timeout(c, 1));
    TRY(open_first(c, number + 1, last, &zset, &at));
    if (zset.count == 0 && number > 1) return wait(c, number + 1, last);
    if (zset.count == 0) {
        reply_null_array(c->to);
        return KV_OK;
    }
    uint64_t count = at_most(wanted == 0 ? 1 : (uint64_t)wanted, zset.count);
    reply_array(c->to, 2);
    reply_bulk(c->to, c->argv[at]);
    reply_array(c->to, (size_t)count);
    return pop(c, &zset, highest, count, PAIRS);
}

kv_status command_zmpop(call *c) { return pop_of_many(c, 1); }
kv_status command_bzmpop(call *c) { return pop_of_many(c, 2); }
