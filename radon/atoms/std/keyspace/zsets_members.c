/* zsets_members.c - sorted sets by their members. */
#include "zsets_ranges.h"

/* ---- adding ---- */

enum { IS_NEW = 1, IS_OLD = 2, IS_GREATER = 4, IS_LESS = 8, CHANGED = 16, INCREMENT = 32 };

static uint8_t flag_of(const call *c, size_t index) {
    static const struct {
        const char *word;
        uint8_t flag;
    } words[] = {{"nx", IS_NEW}, {"xx", IS_OLD}, {"gt", IS_GREATER}, {"lt", IS_LESS}, {"ch", CHANGED}, {"incr", INCREMENT}};
    for (size_t word = 0; word < sizeof words / sizeof *words; word++)
        if (call_is(c, index, words[word].word)) return words[word].flag;
    return 0;
}

static kv_status check_flags(call *c, uint8_t flags, size_t pairs) {
    bool greater = flags & IS_GREATER, less = flags & IS_LESS, is_new = flags & IS_NEW;
    if (is_new && flags & IS_OLD) return call_fail(c, "ERR XX and NX options at the same time are not compatible");
    if ((greater && is_new) || (less && is_new) || (greater && less))
        return call_fail(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
    if (flags & INCREMENT && pairs > 1) return call_fail(c, "ERR INCR option supports a single increment-element pair");
    return KV_OK;
}

typedef enum { NOTHING, SAME, ADDED, MOVED } outcome;

/* `it->score` becomes what it now is. */
static kv_status add_one(call *c, collection *zset, uint8_t flags, scored *it, outcome *out) {
    bool some;
    double old;
    *out = NOTHING;
    TRY(zset_find(zset, it->member, &some, &old));
    if (flags & (some ? IS_NEW : IS_OLD)) return KV_OK;
    if (some && flags & INCREMENT) it->score += old;
    if (it->score != it->score) return call_fail(c, "ERR resulting score is not a number (NaN)");
    if (some && ((flags & IS_LESS && it->score >= old) || (flags & IS_GREATER && it->score <= old))) return KV_OK;
    *out = !some ? ADDED : it->score != old ? MOVED : SAME;
    return *out == SAME ? KV_OK : zset_put(zset, *it, some ? &old : NULL);
}

static kv_status add(call *c, uint8_t flags) {
    size_t at = 2;
    int64_t added = 0, moved = 0;
    outcome last = NOTHING;
    collection zset;
    scored it;
    for (uint8_t flag; at < c->argc && (flag = flag_of(c, at)) != 0; at++) flags |= flag;
    size_t pairs = (c->argc - at) / 2;
    if (pairs == 0 || (c->argc - at) % 2 != 0) return call_fail_syntax(c);
    TRY(check_flags(c, flags, pairs));
    double *scores = radon_alloc(pairs * sizeof *scores);
    for (size_t pair = 0; pair < pairs; pair++) TRY(call_score(c, at + 2 * pair, &scores[pair], NULL));
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    for (size_t pair = 0; pair < pairs; pair++) {
        it = (scored){c->argv[at + 2 * pair + 1], scores[pair]};
        TRY(add_one(c, &zset, flags, &it, &last));
        added += last == ADDED;
        moved += last == MOVED;
    }
    TRY(collection_close(&zset));
    if (!(flags & INCREMENT)) reply_integer(c->to, flags & CHANGED ? added + moved : added);
    else if (last == NOTHING) reply_null(c->to);
    else reply_score(c->to, it.score);
    return KV_OK;
}

kv_status command_zadd(call *c) { return add(c, 0); }
kv_status command_zincrby(call *c) { return add(c, INCREMENT); }

/* ---- by member ---- */

kv_status command_zrem(call *c) {
    collection zset;
    int64_t removed = 0;
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    for (size_t index = 2; index < c->argc; index++) {
        scored it = {.member = c->argv[index]};
        bool some;
        TRY(zset_find(&zset, it.member, &some, &it.score));
        if (some) TRY(zset_remove(&zset, it));
        removed += some;
    }
    TRY(collection_close(&zset));
    reply_integer(c->to, removed);
    return KV_OK;
}

kv_status command_zcard(call *c) { return collection_reply_count(c, TYPE_ZSET); }

static kv_status reply_score_of(call *c, const collection *zset, radon_bytes member) {
    bool some;
    double score;
    TRY(zset_find(zset, member, &some, &score));
    some ? reply_score(c->to, score) : reply_null(c->to);
    return KV_OK;
}

kv_status command_zscore(call *c) {
    collection zset;
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    return reply_score_of(c, &zset, c->argv[2]);
}

kv_status command_zmscore(call *c) {
    collection zset;
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    reply_array(c->to, c->argc - 2);
    for (size_t index = 2; index < c->argc; index++) TRY(reply_score_of(c, &zset, c->argv[index]));
    return KV_OK;
}

static kv_status rank(call *c, bool from_the_end) {
    collection zset;
    scored it = {.member = c->argv[2]};
    bool some;
    uint64_t rank;
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    TRY(zset_find(&zset, it.member, &some, &it.score));
    if (!some) {
        reply_null(c->to);
        return KV_OK;
    }
    TRY(rank_of(&zset, place_name('s', it), &rank));
    reply_integer(c->to, (int64_t)(from_the_end ? zset.count - 1 - rank : rank));
    return KV_OK;
}

kv_status command_zrank(call *c) { return rank(c, false); }
kv_status command_zrevrank(call *c) { return rank(c, true); }

/* ---- in no order ---- */

static double score_in(radon_bytes bytes) {
    double score;
    memcpy(&score, bytes.data, sizeof score);
    return score;
}

/* Redis shows the scores of its small sets as it keeps them: whole ones as integers, however long. */
static size_t show(replies *to, radon_bytes member, radon_bytes bytes) {
    double score = score_in(bytes);
    bool whole = __builtin_fabs(score) <= 0x1p62 && (double)(int64_t)score == score;
    reply_bulk(to, member);
    reply_bulk(to, whole ? radon_format_s64((int64_t)score) : format_score(score));
    return 2;
}

/* What Redis keeps in one piece it shows in the order of scores. */
static kv_status show_in_order(call *c, const members_scan *it) {
    range all = range_at_end(false, it->of.count);
    replies shown = {.resp = c->to->resp};
    size_t count = 0;
    span span;
    scored next;
    TRY(span_of(&it->of, &all, &span));
    while (span_next(&span, &next)) {
        radon_bytes score = {(const uint8_t *)&next.score, sizeof next.score};
        if (scan_shows(&it->options, next.member)) count += show(&shown, next.member, score);
    }
    scan_reply(c, 0, count, &shown);
    return KV_OK;
}

kv_status command_zscan(call *c) {
    members_scan it;
    TRY(members_scan_read(c, TYPE_ZSET, &it));
    bool whole = it.cursor == 0 && it.of.count > 0 && zset_is_small(&it.of);
    return whole ? show_in_order(c, &it) : members_scan_run(c, &it, show);
}

kv_status command_zrandmember(call *c) {
    collection zset;
    radon_entry_list picked;
    int64_t count = 1;
    bool one = c->argc == 2, scores = c->argc == 4;
    if (!one) TRY(call_integer_in(c, 2, -INT64_MAX, INT64_MAX, &count, NULL));
    if (c->argc > 4 || (scores && !call_is(c, 3, "withscores"))) return call_fail_syntax(c);
    if (scores && (count < -INT64_MAX / 2 || count > INT64_MAX / 2))
        return call_fail(c, "ERR value is out of range");
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    TRY(members_pick(&zset, (uint64_t)(count < 0 ? -count : count), count < 0, &picked));
    if (one && picked.len == 0) reply_null(c->to);
    if (!one) scores ? reply_scored_array(c->to, picked.len) : reply_array(c->to, picked.len);
    for (size_t index = 0; index < picked.len; index++) {
        scored it = {member_of(picked.data[index].key), score_in(picked.data[index].value)};
        scores ? reply_scored(c->to, it) : reply_bulk(c->to, it.member);
    }
    return KV_OK;
}
