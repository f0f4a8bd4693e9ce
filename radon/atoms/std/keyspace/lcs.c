/* lcs.c - the longest common subsequence of two strings. */
#include "call.h"

#define CELLS (8 << 20) /* of the table, which has to fit into the memory of a turn */

typedef struct {
    radon_bytes a, b;
    uint32_t *lengths; /* of the LCS of the first i bytes of a and j of b, at i * (b.len + 1) + j */
} table;

static uint32_t at(const table *it, size_t i, size_t j) { return it->lengths[i * (it->b.len + 1) + j]; }

static void fill(table *it) {
    for (size_t i = 0; i <= it->a.len; i++) {
        for (size_t j = 0; j <= it->b.len; j++) {
            uint32_t length = 0;
            if (i > 0 && j > 0) {
                uint32_t above = at(it, i - 1, j), before = at(it, i, j - 1);
                bool same = it->a.data[i - 1] == it->b.data[j - 1];
                length = same ? at(it, i - 1, j - 1) + 1 : above > before ? above : before;
            }
            it->lengths[i * (it->b.len + 1) + j] = length;
        }
    }
}

typedef struct {
    bool length, ranges, with_lengths;
    int64_t shortest;
} options;

static kv_status read_options(call *c, options *out) {
    *out = (options){0};
    for (size_t index = 3; index < c->argc; index++) {
        if (call_is(c, index, "idx")) {
            out->ranges = true;
        } else if (call_is(c, index, "len")) {
            out->length = true;
        } else if (call_is(c, index, "withmatchlen")) {
            out->with_lengths = true;
        } else if (call_is(c, index, "minmatchlen") && index + 1 < c->argc) {
            TRY(call_integer(c, ++index, &out->shortest));
        } else {
            return call_fail_syntax(c);
        }
    }
    if (out->ranges && out->length)
        return call_fail(c, "ERR If you want both the length and indexes, please just use IDX.");
    return KV_OK;
}

/* A run of bytes that both have, with its ends. */
typedef struct {
    bool some;
    size_t a, b, length;
} run;

static void reply_range(replies *to, size_t begin, size_t length) {
    reply_array(to, 2);
    reply_integer(to, (int64_t)begin);
    reply_integer(to, (int64_t)(begin + length - 1));
}

/* Runs from the last to the first; answers how many it wrote. Fills `common`. */
static size_t walk_back(const table *it, const options *given, replies *to, uint8_t *common) {
    size_t i = it->a.len, j = it->b.len, shown = 0, left = at(it, i, j);
    run now = {0};
    while (i > 0 && j > 0) {
        bool ends = false, same = it->a.data[i - 1] == it->b.data[j - 1];
        if (same) {
            common[--left] = it->a.data[i - 1];
            bool extends = now.some && now.a == i && now.b == j;
            ends = now.some && !extends;
            if (!ends) now = (run){true, i - 1, j - 1, now.some ? now.length + 1 : 1};
            ends |= now.a == 0 || now.b == 0;
            i--;
            j--;
        } else {
            if (at(it, i - 1, j) > at(it, i, j - 1)) i--;
            else j--;
            ends = now.some;
        }
        if (!ends) continue;
        if ((int64_t)now.length >= given->shortest) {
            shown++;
            reply_array(to, given->with_lengths ? 3 : 2);
            reply_range(to, now.a, now.length);
            reply_range(to, now.b, now.length);
            if (given->with_lengths) reply_integer(to, (int64_t)now.length);
        }
        now = (run){0};
    }
    return shown;
}

kv_status command_lcs(call *c) {
    entry a, b;
    options given;
    TRY(key_load(c, call_key(c, 1), &a));
    TRY(key_load(c, call_key(c, 2), &b));
    if (a.tag != TYPE_STRING || b.tag != TYPE_STRING)
        return call_fail(c, "ERR The specified keys must contain string values");
    TRY(read_options(c, &given));
    table it = {a.value, b.value, NULL};
    uint64_t cells = ((uint64_t)a.value.len + 1) * (b.value.len + 1);
    if (cells > CELLS)
        return call_fail(c, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    it.lengths = radon_alloc((size_t)cells * sizeof *it.lengths);
    fill(&it);
    uint32_t length = at(&it, a.value.len, b.value.len);
    if (given.length) {
        reply_integer(c->to, length);
        return KV_OK;
    }
    replies ranges = {.resp = c->to->resp};
    uint8_t *common = radon_alloc(length);
    size_t shown = walk_back(&it, &given, &ranges, common);
    if (!given.ranges) {
        reply_bulk(c->to, (radon_bytes){common, length});
        return KV_OK;
    }
    reply_map(c->to, 2);
    reply_bulk_text(c->to, "matches");
    reply_array(c->to, shown);
    reply_bytes(c->to, radon_buffer_bytes(&ranges.bytes));
    reply_bulk_text(c->to, "len");
    reply_integer(c->to, length);
    return KV_OK;
}
