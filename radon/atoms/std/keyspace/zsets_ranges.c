/* zsets_ranges.c - reading ranges and finding what is in them. */
#include "zsets_ranges.h"

#define FIRST radon_text("s")
#define END radon_text("t")

/* ---- reading ---- */

/* Before all that has this score, or `behind` it. */
static cut score_cut(double score, bool behind) {
    uint8_t *name = radon_alloc(PLACE_HEAD);
    name[0] = 's';
    radon_store_u64_key(name + 1, score_order(score) + behind);
    return (cut){false, {name, PLACE_HEAD}};
}

/* An empty one is 0, as in Redis. */
static bool read_score_cut(radon_bytes text, bool is_end, cut *out) {
    double score = 0;
    bool open = text.len > 0 && text.data[0] == '(';
    if (open) text = radon_slice(text, 1, text.len);
    if (text.len > 0 && !read_score(text, &score)) return false;
    *out = score_cut(score, open != is_end);
    return true;
}

static bool read_lex_cut(radon_bytes text, bool is_end, cut *out) {
    if (text.len == 0) return false;
    uint8_t first = text.data[0];
    if (first == '-' || first == '+') {
        *out = (cut){false, first == '-' ? FIRST : END};
        return text.len == 1;
    }
    bool open = first == '(';
    radon_bytes member = radon_slice(text, 1, text.len);
    if (open != is_end) member = key_after(member);
    *out = (cut){true, member};
    return open || first == '[';
}

kv_status range_read(call *c, range_by by, size_t low, size_t high, range *out) {
    *out = (range){.by = by, .limit = -1};
    switch (by) {
    case BY_SCORE:
        if (read_score_cut(c->argv[low], false, &out->start) && read_score_cut(c->argv[high], true, &out->end))
            return KV_OK;
        return call_fail(c, "ERR min or max is not a float");
    case BY_LEX:
        if (read_lex_cut(c->argv[low], false, &out->start) && read_lex_cut(c->argv[high], true, &out->end))
            return KV_OK;
        return call_fail(c, "ERR min or max not valid string range item");
    default:
        TRY(call_integer(c, low, &out->first));
        return call_integer(c, high, &out->last);
    }
}

range range_at_end(bool backwards, uint64_t count) {
    return (range){.by = BY_SCORE, .backwards = backwards, .start = {false, FIRST}, .end = {false, END},
                   .limit = (int64_t)count};
}

range range_of_scores(double low, double high) {
    return (range){.by = BY_SCORE, .start = score_cut(low, false), .end = score_cut(high, false), .limit = -1};
}

/* ---- finding ---- */

/* The place at an end of the set. */
static radon_bytes place_at(const collection *zset, bool last) {
    radon_bytes place = FIRST, bytes;
    walk walk = walk_begin(zset, radon_some(FIRST), radon_some(END), last);
    walk.limit = 1;
    walk_next(&walk, &place, &bytes);
    return place;
}

static bool lies_before(radon_bytes place, cut it) {
    return radon_compare(it.relative ? radon_slice(place, PLACE_HEAD, place.len) : place, it.name) < 0;
}

/* Where scores differ members are in no order. Redis leaves out those before the one bound, until one is not, and takes
 * all that follows, until one is behind the other bound; and nothing if an end of the set is on the wrong side. */
static void by_member(const collection *zset, const range *of, radon_bytes *start, radon_bytes *end) {
    radon_bytes place, bytes, first = {0}, last = {0};
    bool sensible = !lies_before(place_at(zset, true), of->start) && lies_before(place_at(zset, false), of->end);
    walk walk = walk_begin(zset, radon_some(FIRST), radon_some(END), of->backwards);
    while (sensible && walk_next(&walk, &place, &bytes)) {
        bool from_start = !lies_before(place, of->start), to_end = lies_before(place, of->end);
        if (first.len == 0 && !(of->backwards ? to_end : from_start)) continue;
        if (!(of->backwards ? from_start : to_end)) break;
        if (first.len == 0) first = place;
        last = place;
    }
    *start = of->backwards ? last : first;
    *end = of->backwards ? first : last;
    if (first.len > 0) *end = key_after(*end);
}

static radon_bytes cut_name(radon_bytes lowest, cut it) {
    return it.relative ? radon_concat(radon_slice(lowest, 0, PLACE_HEAD), it.name) : it.name;
}

/* The names that a range by score or member lies between. */
static void bounds_of(const collection *zset, const range *of, radon_bytes *start, radon_bytes *end) {
    radon_bytes lowest = FIRST;
    if (of->by == BY_LEX && zset->count > 0) {
        radon_bytes highest = place_at(zset, true);
        lowest = place_at(zset, false);
        if (memcmp(lowest.data, highest.data, PLACE_HEAD) != 0) return by_member(zset, of, start, end);
    }
    *start = cut_name(lowest, of->start);
    *end = cut_name(lowest, of->end);
}

/* From the rank `first` to `last`, counted from where the walk begins. */
static kv_status by_rank(const collection *zset, const range *of, radon_bytes *start, radon_bytes *end, uint64_t *left) {
    int64_t count = (int64_t)zset->count, first = of->first, last = of->last;
    if (first < 0) first = first + count < 0 ? 0 : first + count;
    if (last < 0) last += count;
    if (last >= count) last = count - 1;
    *start = FIRST;
    *end = END;
    *left = first <= last ? (uint64_t)(last - first) + 1 : 0;
    if (*left == 0 || first == 0) return KV_OK;
    return rank_seek(zset, (uint64_t)(of->backwards ? count - first : first), of->backwards ? end : start);
}

kv_status span_of(const collection *zset, const range *of, span *out) {
    radon_bytes start, end;
    uint64_t left = of->limit < 0 ? UINT64_MAX : (uint64_t)of->limit;
    if (of->by == BY_RANK) {
        TRY(by_rank(zset, of, &start, &end, &left));
    } else {
        bounds_of(zset, of, &start, &end);
    }
    if (of->offset < 0 || radon_compare(start, end) >= 0) left = 0;
    *out = (span){walk_begin(zset, radon_some(start), radon_some(end), of->backwards), (uint64_t)of->offset, left};
    uint64_t page = out->skip + left;
    if (page >= left && page < out->walk.limit) out->walk.limit = (uint32_t)page;
    return KV_OK;
}

bool span_next(span *span, scored *out) {
    radon_bytes name, bytes;
    if (span->left == 0) return false;
    do {
        if (!walk_next(&span->walk, &name, &bytes)) return false;
    } while (span->skip > 0 && span->skip--);
    span->left--;
    *out = scored_of(name);
    return true;
}

/* ---- how many ---- */

static kv_status count(call *c, range_by by) {
    collection zset;
    range of;
    radon_bytes start, end;
    uint64_t before = 0, up_to = 0;
    TRY(range_read(c, by, 2, 3, &of));
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    bounds_of(&zset, &of, &start, &end);
    TRY(rank_of(&zset, start, &before));
    TRY(rank_of(&zset, end, &up_to));
    reply_integer(c->to, up_to > before ? (int64_t)(up_to - before) : 0);
    return KV_OK;
}

kv_status command_zcount(call *c) { return count(c, BY_SCORE); }
kv_status command_zlexcount(call *c) { return count(c, BY_LEX); }

/* ---- removing ---- */

static kv_status remove(call *c, range_by by) {
    collection zset;
    range of;
    span span;
    scored it;
    int64_t removed = 0;
    TRY(range_read(c, by, 2, 3, &of));
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    TRY(span_of(&zset, &of, &span));
    for (; span_next(&span, &it); removed++) TRY(zset_remove(&zset, it));
    TRY(collection_close(&zset));
    reply_integer(c->to, removed);
    return KV_OK;
}

kv_status command_zremrangebyrank(call *c) { return remove(c, BY_RANK); }
kv_status command_zremrangebyscore(call *c) { return remove(c, BY_SCORE); }
kv_status command_zremrangebylex(call *c) { return remove(c, BY_LEX); }

/* ---- showing and storing ---- */

typedef enum { FORWARDS, BACKWARDS, EITHER } direction;

typedef struct {
    range_by by;
    direction direction;
    bool scores;
    int64_t offset, limit;
} options;

/* Those from argv[at] on. BY_ANY and EITHER may still be chosen. */
static kv_status read_options(call *c, size_t at, bool stores, options *it) {
    for (; at < c->argc; at++) {
        if (!stores && call_is(c, at, "withscores")) {
            it->scores = true;
        } else if (at + 2 < c->argc && call_is(c, at, "limit")) {
            TRY(call_integer(c, at + 1, &it->offset));
            TRY(call_integer(c, at + 2, &it->limit));
            at += 2;
        } else if (it->direction == EITHER && call_is(c, at, "rev")) {
            it->direction = BACKWARDS;
        } else if (it->by == BY_ANY && call_is(c, at, "bylex")) {
            it->by = BY_LEX;
        } else if (it->by == BY_ANY && call_is(c, at, "byscore")) {
            it->by = BY_SCORE;
        } else {
            return call_fail_syntax(c);
        }
    }
    if (it->by == BY_ANY) it->by = BY_RANK;
    if (it->limit != -1 && it->by == BY_RANK)
        return call_fail(c, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    if (it->scores && it->by == BY_LEX)
        return call_fail(c, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return KV_OK;
}

/* The key is argv[at]; the bounds of the range stand behind it, the upper one first where it goes backwards. */
static kv_status find(call *c, size_t at, options *it, collection *zset, span *out) {
    range of;
    TRY(read_options(c, at + 3, at > 1, it));
    bool backwards = it->direction == BACKWARDS, swapped = backwards && it->by != BY_RANK;
    TRY(range_read(c, it->by, at + 1 + swapped, at + 2 - swapped, &of));
    of.backwards = backwards;
    of.offset = it->offset;
    of.limit = it->limit;
    TRY(collection_open(c, call_key(c, at), TYPE_ZSET, zset));
    return span_of(zset, &of, out);
}

static kv_status show(call *c, range_by by, direction direction) {
    options options = {.by = by, .direction = direction, .limit = -1};
    collection zset;
    span span;
    scored it;
    size_t count = 0;
    TRY(find(c, 1, &options, &zset, &span));
    for (; span_next(&span, &it); count++)
        options.scores ? reply_scored(c->to, it) : reply_bulk(c->to, it.member);
    if (options.scores && c->to->resp == 2) count *= 2;
    reply_array_around(c->to, c->begin, count);
    return KV_OK;
}

kv_status command_zrange(call *c) { return show(c, BY_ANY, EITHER); }
kv_status command_zrevrange(call *c) { return show(c, BY_RANK, BACKWARDS); }
kv_status command_zrangebyscore(call *c) { return show(c, BY_SCORE, FORWARDS); }
kv_status command_zrevrangebyscore(call *c) { return show(c, BY_SCORE, BACKWARDS); }
kv_status command_zrangebylex(call *c) { return show(c, BY_LEX, FORWARDS); }
kv_status command_zrevrangebylex(call *c) { return show(c, BY_LEX, BACKWARDS); }

kv_status command_zrangestore(call *c) {
    options options = {.by = BY_ANY, .direction = EITHER, .limit = -1};
    collection zset;
    span span;
    scored it;
    results found = {0};
    TRY(find(c, 2, &options, &zset, &span));
    while (span_next(&span, &it)) results_add(&found, it);
    return zset_store(c, call_key(c, 1), &found);
}
