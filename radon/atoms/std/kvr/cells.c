/* cells.c - see cells.h. */
#include "cells.h"

bool covers_all(const vector *seen, const vector *those) {
    for (size_t index = 0; index < KV_REPLICAS; index++)
        if (those->of[index] > seen->of[index]) return false;
    return true;
}

void join(vector *seen, const vector *with) {
    for (size_t index = 0; index < KV_REPLICAS; index++)
        if (with->of[index] > seen->of[index]) seen->of[index] = with->of[index];
}

radon_bytes cell_make(cell_type type, uint8_t tag, uint64_t stamp, uint64_t expiry, radon_bytes payload) {
    radon_bytes made = answer_about(KV_OK, tag, stamp, expiry, payload);
    ((uint8_t *)made.data)[2] = (uint8_t)type;
    return made;
}

bool cell_next(radon_bytes *rest, cell *out) {
    radon_bytes before = *rest;
    kv_answer it;
    if (!kv_next(rest, &it)) return false;
    *out = (cell){
        .bytes = {before.data, before.len - rest->len},
        .tag = it.tag,
        .type = before.data[2],
        .stamp = it.version,
        .expiry = it.expiry,
        .payload = it.value,
    };
    return true;
}

/* ---- joining ---- */

/* Below 0, 0, above 0: the order of places. */
static int compare(const cell *a, const cell *b) {
    if (a->type != b->type) return a->type < b->type ? -1 : 1;
    if (a->type == REGISTER) return a->stamp == b->stamp ? 0 : a->stamp > b->stamp ? -1 : 1;
    int order = a->type == ELEMENT ? radon_compare(a->payload, b->payload) : 0;
    return order != 0 ? order : (int)writer_of(a->stamp) - (int)writer_of(b->stamp);
}

static bool is_listed(radon_bytes stamps, uint64_t stamp) {
    for (size_t at = 0; at + 8 <= stamps.len; at += 8)
        if (radon_load_u64(stamps.data + at) == stamp) return true;
    return false;
}

radon_bytes cells_join(radon_bytes left, radon_bytes right, const rule *rule) {
    uint8_t *joined = radon_alloc(left.len + right.len);
    size_t size = 0;
    uint64_t newest = 0; /* register */
    cell a, b;
    bool has_a = cell_next(&left, &a), has_b = cell_next(&right, &b);
    while (has_a || has_b) {
        int order = !has_b ? -1 : !has_a ? 1 : compare(&a, &b);
        bool takes_a = order < 0 || (order == 0 && a.stamp >= b.stamp);
        const cell *it = takes_a ? &a : &b;
        bool stays = order < 0   ? !is_listed(rule->removed, a.stamp) && !(rule->right && covers(rule->right, a.stamp))
                     : order > 0 ? !(rule->left && covers(rule->left, b.stamp))
                                 : true;
        if (rule->newest && it->stamp < newest) stays = false;
        if (rule->newest && stays && it->type == REGISTER) newest = it->stamp;
        if (stays) {
            memcpy(joined + size, it->bytes.data, it->bytes.len);
            size += it->bytes.len;
        }
        if (order <= 0) has_a = cell_next(&left, &a);
        if (order >= 0) has_b = cell_next(&right, &b);
    }
    return (radon_bytes){joined, size};
}

/* ---- showing ---- */

/* What does not fit is the nearest number that does. */
static int64_t sum_of(int64_t a, int64_t b) {
    int64_t sum;
    return !__builtin_add_overflow(a, b, &sum) ? sum : b < 0 ? INT64_MIN : INT64_MAX;
}

view cells_view(radon_bytes cells, uint64_t now) {
    view it = {0};
    cell next;
    int64_t number, above = 0, below = 0; /* apart, so that the order of writers does not matter to what overflows */
    while (cell_next(&cells, &next)) {
        if (next.stamp > it.version) it.version = next.stamp;
        if (has_expired(next.expiry, now)) continue;
        if (it.what == NOTHING) {
            it.what = next.type == REGISTER ? VALUE : next.type == COUNTER ? NUMBER : SET;
            it.tag = next.tag;
            it.expiry = next.expiry;
            it.entry = next.bytes;
        }
        if (next.type != COUNTER) continue;
        if (it.what == VALUE && radon_parse_s64(radon_slice(it.entry, KV_HEAD, it.entry.len), &number)) {
            it.what = NUMBER;
            it.number = number;
        }
        number = (int64_t)radon_load_u64(next.payload.data);
        if (number < 0) below = sum_of(below, number);
        else above = sum_of(above, number);
    }
    if (it.what == NUMBER) it.number = sum_of(it.number, sum_of(above, below));
    return it;
}

static radon_bytes elements(radon_bytes cells) {
    radon_buffer all = {0};
    cell next, before = {0};
    while (cell_next(&cells, &next)) {
        if (next.type != ELEMENT) continue;
        if (before.type == ELEMENT && radon_equal(before.payload, next.payload)) continue; /* of another writer */
        kv_add_to(&all, next.payload);
        before = next;
    }
    return radon_buffer_bytes(&all);
}

radon_bytes view_answer(const view *it, radon_bytes cells) {
    switch (it->what) {
    case NOTHING: return plain(KV_ABSENT);
    case VALUE: return it->entry;
    case NUMBER: return answer_about(KV_OK, it->tag, it->version, it->expiry, radon_format_s64(it->number));
    default: return answer_about(KV_OK, it->tag, it->version, it->expiry, elements(cells));
    }
}
