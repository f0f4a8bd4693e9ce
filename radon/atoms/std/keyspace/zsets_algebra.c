/* zsets_algebra.c - unions, intersections and differences of sorted sets, and of sets. */
#include "zsets.h"

typedef struct {
    source *sources;
    size_t count;
    aggregate how;
    bool scores;
    int64_t limit;
} arguments;

typedef enum { REPLIED, STORED, COUNTED } purpose;

static kv_status read_weights(call *c, size_t at, const arguments *it) {
    for (size_t index = 0; index < it->count; index++)
        TRY(call_score(c, at + index, &it->sources[index].weight, "ERR weight value is not a float"));
    return KV_OK;
}

static kv_status read_aggregate(call *c, size_t at, aggregate *out) {
    static const char *const words[] = {[SUM] = "sum", [MIN] = "min", [MAX] = "max"};
    for (*out = SUM; *out <= MAX; ++*out)
        if (call_is(c, at, words[*out])) return KV_OK;
    return call_fail_syntax(c);
}

static kv_status read_options(call *c, size_t at, operation is, purpose purpose, arguments *out) {
    bool weighs = is != DIFF && purpose != COUNTED;
    while (at < c->argc) {
        size_t left = c->argc - at;
        if (weighs && left > out->count && call_is(c, at, "weights")) {
            TRY(read_weights(c, at + 1, out));
            at += 1 + out->count;
        } else if (weighs && left >= 2 && call_is(c, at, "aggregate")) {
            TRY(read_aggregate(c, at + 1, &out->how));
            at += 2;
        } else if (purpose == REPLIED && call_is(c, at, "withscores")) {
            out->scores = true;
            at++;
        } else if (purpose == COUNTED && left >= 2 && call_is(c, at, "limit")) {
            TRY(call_integer_in(c, at + 1, 0, INT64_MAX, &out->limit, "ERR LIMIT can't be negative"));
            at += 2;
        } else {
            return call_fail_syntax(c);
        }
    }
    return KV_OK;
}

/* The number of keys is argv[at]. */
static kv_status run(call *c, size_t at, operation is, purpose purpose, results *out, bool *scores) {
    arguments it = {0};
    int64_t count;
    TRY(call_integer(c, at, &count));
    if (count < 1)
        return call_fail_about(c, "ERR at least 1 input key is needed for '", radon_text(c->is->name), "' command");
    if ((uint64_t)count > c->argc - at - 1) return call_fail_syntax(c);
    it.count = (size_t)count;
    TRY(sources_open(c, at + 1, it.count, true, &it.sources));
    TRY(read_options(c, at + 1 + it.count, is, purpose, &it));
    *scores = it.scores;
    return algebra(is, it.how, it.sources, it.count, (uint64_t)it.limit, out);
}

/* ---- in the order of scores ---- */

static bool is_before(const scored *a, const scored *b) {
    if (a->score != b->score) return a->score < b->score;
    return radon_compare(a->member, b->member) < 0;
}

/* A heap whose top is the last one; `at` may be out of place. */
static void sink(scored *heap, size_t len, size_t at) {
    scored it = heap[at];
    for (size_t below; (below = 2 * at + 1) < len; at = below) {
        if (below + 1 < len && is_before(&heap[below], &heap[below + 1])) below++;
        if (!is_before(&it, &heap[below])) break;
        heap[at] = heap[below];
    }
    heap[at] = it;
}

static void sort(scored *them, size_t len) {
    for (size_t at = len / 2; at > 0; at--) sink(them, len, at - 1);
    for (; len > 1; len--) {
        scored last = them[0];
        them[0] = them[len - 1];
        them[len - 1] = last;
        sink(them, len - 1, 0);
    }
}

/* ---- commands ---- */

static kv_status reply(call *c, operation is) {
    results found;
    bool scores;
    TRY(run(c, 1, is, REPLIED, &found, &scores));
    sort(found.data, found.len);
    scores ? reply_scored_array(c->to, found.len) : reply_array(c->to, found.len);
    for (size_t index = 0; index < found.len; index++)
        scores ? reply_scored(c->to, found.data[index]) : reply_bulk(c->to, found.data[index].member);
    return KV_OK;
}

static kv_status store(call *c, operation is) {
    results found;
    bool scores;
    TRY(run(c, 2, is, STORED, &found, &scores));
    return zset_store(c, call_key(c, 1), &found);
}

kv_status command_zunion(call *c) { return reply(c, UNION); }
kv_status command_zinter(call *c) { return reply(c, INTER); }
kv_status command_zdiff(call *c) { return reply(c, DIFF); }
kv_status command_zunionstore(call *c) { return store(c, UNION); }
kv_status command_zinterstore(call *c) { return store(c, INTER); }
kv_status command_zdiffstore(call *c) { return store(c, DIFF); }

kv_status command_zintercard(call *c) {
    results found;
    bool scores;
    TRY(run(c, 1, INTER, COUNTED, &found, &scores));
    reply_integer(c->to, (int64_t)found.len);
    return KV_OK;
}
