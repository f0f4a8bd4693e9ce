/* algebra.c - many sources, one result. */
#include "algebra.h"

kv_status sources_open(call *c, size_t first, size_t count, bool any, source **out) {
    source *sources = *out = radon_alloc(count * sizeof *sources);
    for (size_t index = 0; index < count; index++) {
        entry it;
        radon_bytes key = call_key(c, first + index);
        sources[index] = (source){.weight = 1};
        TRY(key_load(c, key, &it));
        type type = any && it.some && it.tag == TYPE_ZSET ? TYPE_ZSET : TYPE_SET;
        if (it.some && it.tag != type) return call_fail_wrong_type(c);
        collection *of = &sources[index].of;
        *of = (collection){.type = type};
        if (it.some) collection_of(&it, of);
        of->key = key;
    }
    return KV_OK;
}

void results_add(results *to, scored it) {
    if (to->len == to->room) {
        size_t more = to->room == 0 ? 16 : 2 * to->room;
        to->data = radon_realloc(to->data, to->room * sizeof *to->data, more * sizeof *to->data);
        to->room = more;
    }
    to->data[to->len++] = it;
}

/* ---- scores ---- */

/* No result is not a number: 0 stands for it. */
static double number(double score) { return score != score ? 0 : score; }

static double weighted(const source *it, radon_bytes bytes) {
    double score = 1;
    if (bytes.len == sizeof score) memcpy(&score, bytes.data, sizeof score);
    return number(it->weight * score);
}

static double combined(aggregate how, double a, double b) {
    switch (how) {
    case SUM: return number(a + b);
    case MIN: return b < a ? b : a;
    default: return b > a ? b : a;
    }
}

/* The fewest members first, as Redis takes them: sums are of that order too. */
static void sort(source *sources, size_t count) {
    for (size_t index = 1; index < count; index++) {
        source it = sources[index];
        size_t at = index;
        for (; at > 0 && sources[at - 1].of.count > it.of.count; at--) sources[at] = sources[at - 1];
        sources[at] = it;
    }
}

/* ---- walking ---- */

static void step(source *it) { it->some = walk_next(&it->walk, &it->name, &it->bytes); }

/* All sources are walked at once, from the lowest name to the next. */
static void unite(aggregate how, source *sources, size_t count, results *out) {
    for (size_t index = 0; index < count; index++) {
        sources[index].walk = members_walk(&sources[index].of);
        step(&sources[index]);
    }
    for (;;) {
        const source *lowest = NULL;
        for (size_t index = 0; index < count; index++) {
            const source *it = &sources[index];
            if (it->some && (lowest == NULL || radon_compare(it->name, lowest->name) < 0)) lowest = it;
        }
        if (lowest == NULL) return;
        radon_bytes name = lowest->name;
        double score = 0;
        bool first = true;
        for (size_t index = 0; index < count; index++) {
            source *it = &sources[index];
            if (!it->some || !radon_equal(it->name, name)) continue;
            double more = weighted(it, it->bytes);
            score = first ? more : combined(how, score, more);
            first = false;
            step(it);
        }
        results_add(out, (scored){member_of(name), score});
    }
}

/* The first source is walked, and its members looked for in the others: they have to be in all of them, or in none. */
static kv_status sift(operation is, aggregate how, source *sources, size_t count, uint64_t limit, results *out) {
    radon_bytes name, bytes;
    walk walk = members_walk(&sources[0].of);
    while ((limit == 0 || out->len < limit) && walk_next(&walk, &name, &bytes)) {
        double score = weighted(&sources[0], bytes);
        bool keep = true;
        for (size_t index = 1; index < count && keep; index++) {
            radon_option found;
            TRY(element_get(&sources[index].of, name, &found));
            keep = found.some == (is == INTER);
            if (found.some) score = combined(how, score, weighted(&sources[index], found.value));
        }
        if (keep) results_add(out, (scored){member_of(name), score});
    }
    return KV_OK;
}

kv_status algebra(operation is, aggregate how, source *sources, size_t count, uint64_t limit, results *out) {
    *out = (results){0};
    if (is != DIFF) sort(sources, count);
    if (is != UNION) return sift(is, how, sources, count, limit, out);
    unite(how, sources, count, out);
    return KV_OK;
}
