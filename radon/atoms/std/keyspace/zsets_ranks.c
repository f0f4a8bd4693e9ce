/* zsets_ranks.c - how many members lie before a place, without counting them one by one.
 *
 * A block counts the places from its own up to that of the next block. The first block lies before all places, so that
 * every place is in one. Blocks have levels: those of a level have so many members at most, and begin where one of the
 * level below does. A set gets a level when it grows beyond the size of one such block, and keeps it.
 */
#include "zsets.h"

#define LEVELS 3

static const uint64_t most[LEVELS] = {256, 256 * 128, 256 * 128 * 128};

/* Names begin with 'b' in the lowest level, and the level below that is the places. */
static uint8_t kind_of(int level) { return level < 0 ? 's' : (uint8_t)('b' + level); }

/* The rest of `extra` is how many levels there are. */
static int levels_of(const collection *zset) { return (int)(zset->extra >> ZSET_FLAGS); }

static radon_bytes renamed(radon_bytes name, uint8_t kind) {
    uint8_t *bytes = radon_alloc(name.len);
    memcpy(bytes, name.data, name.len);
    bytes[0] = kind;
    return (radon_bytes){bytes, name.len};
}

/* From the block or place of this name on. */
static walk walk_from(const collection *zset, radon_bytes name, int level) {
    uint8_t *end = radon_alloc(1);
    *end = kind_of(level) + 1;
    return walk_begin(zset, radon_some(renamed(name, kind_of(level))), radon_some((radon_bytes){end, 1}), false);
}

/* Up to the block of this place, which is the last one or, backwards, the first. */
static walk walk_up_to(const collection *zset, radon_bytes from, radon_bytes place, int level, bool backwards) {
    radon_bytes end = radon_concat(renamed(place, kind_of(level)), (radon_bytes){(const uint8_t *)"", 1});
    return walk_begin(zset, radon_some(renamed(from, kind_of(level))), radon_some(end), backwards);
}

/* ---- blocks ---- */

typedef struct {
    radon_bytes name, bytes;
} block;

static uint64_t count_in(block it) { return radon_load_u64(it.bytes.data); }

static kv_status put(collection *zset, radon_bytes name, uint64_t count, radon_option old) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64(bytes, count);
    return element_put(zset, name, (radon_bytes){bytes, 8}, old);
}

#define FIRST radon_text("s")

/* The block of this place, and the one before it, which has no name where there is none. */
static kv_status find(const collection *zset, radon_bytes place, int level, block *out, block *before) {
    walk walk = walk_up_to(zset, FIRST, place, level, true);
    *before = (block){0};
    walk.limit = 2;
    if (!walk_next(&walk, &out->name, &out->bytes)) return KV_INVALID;
    walk_next(&walk, &before->name, &before->bytes);
    return KV_OK;
}

/* Cuts a block that has this many in two, where one of the level below begins. */
static kv_status cut(collection *zset, int level, radon_bytes name, uint64_t count, radon_option old) {
    block next;
    uint64_t left = 0;
    walk walk = walk_from(zset, name, level - 1);
    while (walk_next(&walk, &next.name, &next.bytes) && left < count / 2) left += level > 0 ? count_in(next) : 1;
    TRY(put(zset, name, left, old));
    return put(zset, renamed(next.name, kind_of(level)), count - left, RADON_NONE);
}

kv_status rank_added(collection *zset, radon_bytes place) {
    int level = 0, levels = levels_of(zset);
    for (; level < levels; level++) {
        block it, before;
        TRY(find(zset, place, level, &it, &before));
        uint64_t count = count_in(it) + 1;
        if (count > most[level]) TRY(cut(zset, level, it.name, count, radon_some(it.bytes)));
        else TRY(put(zset, it.name, count, radon_some(it.bytes)));
    }
    if (level == LEVELS || zset->count <= most[level]) return KV_OK;
    zset->extra += (uint64_t)1 << ZSET_FLAGS;
    return cut(zset, level, renamed(FIRST, kind_of(level)), zset->count, RADON_NONE);
}

/* Where a block of the level above begins one has to stay. */
static kv_status may_go(const collection *zset, block it, int level, bool *out) {
    radon_option above = RADON_NONE;
    if (level + 1 < levels_of(zset)) TRY(element_get(zset, renamed(it.name, kind_of(level + 1)), &above));
    *out = !above.some;
    return KV_OK;
}

/* A block that has become small joins the one before it, where that has room. */
kv_status rank_removed(collection *zset, radon_bytes place) {
    for (int level = levels_of(zset) - 1; level >= 0; level--) {
        block it, before;
        bool goes = false;
        TRY(find(zset, place, level, &it, &before));
        uint64_t count = count_in(it) - 1, half = most[level] / 2;
        if (count < half / 4 && before.name.len > 0 && count_in(before) + count <= half)
            TRY(may_go(zset, it, level, &goes));
        if (!goes) {
            TRY(put(zset, it.name, count, radon_some(it.bytes)));
            continue;
        }
        TRY(element_remove(zset, it.name, radon_some(it.bytes)));
        TRY(put(zset, before.name, count_in(before) + count, radon_some(before.bytes)));
    }
    return KV_OK;
}

/* ---- ranks ---- */

kv_status rank_of(const collection *zset, radon_bytes place, uint64_t *out) {
    block next, from = {.name = FIRST};
    radon_bytes bytes;
    *out = 0;
    for (int level = levels_of(zset) - 1; level >= 0; level--) {
        uint64_t last = 0;
        walk blocks = walk_up_to(zset, from.name, place, level, false);
        while (walk_next(&blocks, &next.name, &next.bytes)) {
            *out += last;
            last = count_in(next);
            from = next;
        }
    }
    walk places = walk_begin(zset, radon_some(renamed(from.name, 's')), radon_some(place), false);
    while (walk_next(&places, &next.name, &bytes)) ++*out;
    return KV_OK;
}

kv_status rank_seek(const collection *zset, uint64_t rank, radon_bytes *out) {
    block from = {.name = FIRST};
    radon_bytes bytes;
    for (int level = levels_of(zset) - 1; level >= 0 && rank >= most[0]; level--) {
        walk blocks = walk_from(zset, from.name, level);
        blocks.limit = 64; /* half of them, on average, are passed */
        while (walk_next(&blocks, &from.name, &from.bytes) && rank >= count_in(from)) rank -= count_in(from);
    }
    walk places = walk_from(zset, from.name, -1);
    if (rank < places.limit) places.limit = (uint32_t)rank + 1;
    do {
        if (!walk_next(&places, out, &bytes)) return KV_INVALID;
    } while (rank-- > 0);
    return KV_OK;
}
