/* zsets.c - sorted sets: scores, members, and what they are kept as. */
#include "zsets.h"

#include "numbers.h"

/* ---- scores ---- */

uint64_t score_order(double score) {
    uint64_t bits;
    score += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double score_in_order(uint64_t order) {
    double score;
    uint64_t bits = order >> 63 ? order & ~((uint64_t)1 << 63) : ~order;
    memcpy(&score, &bits, sizeof score);
    return score;
}

#define EXACT ((int64_t)1 << 53) /* up to here every integer is a double */

bool read_score(radon_bytes text, double *out) {
    int64_t integer;
    if (read_integer(text, &integer) && integer != 0 && integer >= -EXACT && integer <= EXACT) {
        *out = (double)integer;
        return true;
    }
    return read_double(text, out);
}

radon_bytes format_score(double score) {
    bool small = score > -(double)EXACT && score < (double)EXACT, negative_zero = score == 0 && 1 / score < 0;
    if (small && (double)(int64_t)score == score && !negative_zero) return radon_format_s64((int64_t)score);
    return format_double(score);
}

void reply_score(replies *to, double score) { reply_double_text(to, format_score(score)); }

kv_status call_score(call *c, size_t index, double *out, const char *error) {
    if (read_score(c->argv[index], out)) return KV_OK;
    return call_fail(c, error != NULL ? error : "ERR value is not a valid float");
}

void reply_scored(replies *to, scored it) {
    if (to->resp == 3) reply_array(to, 2);
    reply_bulk(to, it.member);
    reply_score(to, it.score);
}

void reply_scored_array(replies *to, size_t count) { reply_array(to, to->resp == 3 ? count : 2 * count); }

/* ---- members ---- */

radon_bytes place_name(uint8_t kind, scored it) {
    uint8_t *bytes = radon_alloc(PLACE_HEAD + it.member.len);
    bytes[0] = kind;
    radon_store_u64_key(bytes + 1, score_order(it.score));
    memcpy(bytes + PLACE_HEAD, it.member.data, it.member.len);
    return (radon_bytes){bytes, PLACE_HEAD + it.member.len};
}

scored scored_of(radon_bytes name) {
    return (scored){radon_slice(name, PLACE_HEAD, name.len), score_in_order(radon_load_u64_key(name.data + 1))};
}

static radon_bytes score_bytes(double score) {
    uint8_t *bytes = radon_alloc(sizeof score);
    score += 0.0;
    memcpy(bytes, &score, sizeof score);
    return (radon_bytes){bytes, sizeof score};
}

kv_status zset_find(const collection *zset, radon_bytes member, bool *some, double *score) {
    radon_option found;
    TRY(element_get(zset, member_name(member), &found));
    *some = found.some;
    if (found.some) memcpy(score, found.value.data, sizeof *score);
    return KV_OK;
}

/* Redis keeps a few short members in an array. What it became once it stays. */
enum { IS_SKIPLIST = 1 };

bool zset_is_small(const collection *zset) { return !(zset->extra & IS_SKIPLIST); }

const char *zset_encoding(const entry *it) {
    collection of;
    collection_of(it, &of);
    return zset_is_small(&of) ? "listpack" : "skiplist";
}

static kv_status remove_place(collection *zset, scored it) {
    radon_bytes name = place_name('s', it);
    TRY(element_remove(zset, name, radon_some(KV_NOTHING)));
    return rank_removed(zset, name);
}

kv_status zset_put(collection *zset, scored it, const double *old) {
    radon_bytes name = place_name('s', it);
    radon_option had = RADON_NONE;
    if (old != NULL) {
        TRY(remove_place(zset, (scored){it.member, *old}));
        had = radon_some(score_bytes(*old));
    } else {
        zset->count++;
    }
    if (beyond(ZSET_ENTRIES, zset->count) || beyond(ZSET_BYTES, it.member.len)) zset->extra |= IS_SKIPLIST;
    TRY(element_put(zset, member_name(it.member), score_bytes(it.score), had));
    TRY(element_put(zset, name, KV_NOTHING, RADON_NONE));
    return rank_added(zset, name);
}

kv_status zset_remove(collection *zset, scored it) {
    zset->count--;
    TRY(element_remove(zset, member_name(it.member), radon_some(score_bytes(it.score))));
    return remove_place(zset, it);
}

kv_status zset_store(call *c, radon_bytes key, const results *them) {
    collection zset;
    TRY(collection_new(c, key, TYPE_ZSET, &zset));
    for (size_t index = 0; index < them->len; index++) TRY(zset_put(&zset, them->data[index], NULL));
    TRY(collection_close(&zset));
    reply_integer(c->to, (int64_t)them->len);
    return KV_OK;
}

/* ---- dumps: members and scores, from the lowest on ---- */

kv_status zset_dump(const collection *it, radon_buffer *to) {
    radon_bytes name, bytes;
    walk walk = walk_begin(it, radon_some(radon_text("s")), radon_some(radon_text("t")), false);
    while (walk_next(&walk, &name, &bytes)) {
        scored next = scored_of(name);
        dump_add(to, next.member);
        radon_buffer_add(to, score_bytes(next.score));
    }
    return KV_OK;
}

kv_status zset_load(collection *it, radon_bytes dump) {
    scored next;
    double old;
    bool some;
    while (dump.len > 0) {
        if (!dump_take(&dump, &next.member) || dump.len < sizeof next.score) return FAILED;
        memcpy(&next.score, dump.data, sizeof next.score);
        dump = radon_slice(dump, sizeof next.score, dump.len);
        if (next.score != next.score) return FAILED;
        TRY(zset_find(it, next.member, &some, &old));
        TRY(zset_put(it, next, some ? &old : NULL));
    }
    return KV_OK;
}
