/* zsets_ranks.c - how many members lie before a place, without counting them one by one.
 *
 * Blocks count the places from their own up to that of the next block. The first lies before all places, so that every
 * place is in a block. A set gets blocks when it grows beyond the size of two, and keeps them.
 */
#include "zsets.h"

#define BLOCK 512 /* a block of twice as many is cut in two */

enum { HAS_BLOCKS = 2 }; /* of `extra` */

static radon_bytes renamed(radon_bytes name, uint8_t kind) {
    uint8_t *bytes = radon_alloc(name.len);
    memcpy(bytes, name.data, name.len);
    bytes[0] = kind;
    return (radon_bytes){bytes, name.len};
}

static radon_bytes behind(radon_bytes name) { return radon_concat(name, (radon_bytes){(const uint8_t *)"", 1}); }

static walk places_walk(const collection *zset, radon_bytes from, radon_bytes to) {
    return walk_begin(zset, radon_some(from), radon_some(to), false);
}

#define FIRST radon_text("s")
#define END radon_text("t")

static kv_status put_block(collection *zset, radon_bytes name, uint64_t count, radon_option old) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64(bytes, count);
    return element_put(zset, name, (radon_bytes){bytes, 8}, old);
}

/* The last two blocks up to this place: the place's own, and the one before, if there is one. */
typedef struct {
    radon_bytes name, bytes, name_before, bytes_before;
    bool some, some_before;
} blocks;

static blocks blocks_of(const collection *zset, radon_bytes place) {
    blocks it = {0};
    radon_bytes end = behind(renamed(place, 'b'));
    walk walk = walk_begin(zset, radon_some(radon_text("b")), radon_some(end), true);
    walk.limit = 2;
    it.some = walk_next(&walk, &it.name, &it.bytes);
    it.some_before = it.some && walk_next(&walk, &it.name_before, &it.bytes_before);
    return it;
}

/* Cuts a block that has this many in two. */
static kv_status cut(collection *zset, radon_bytes block, uint64_t count, radon_option old) {
    radon_bytes name, bytes;
    size_t index = 0;
    walk walk = places_walk(zset, renamed(block, 's'), END);
    while (index <= BLOCK && walk_next(&walk, &name, &bytes)) index++;
    if (index <= BLOCK) return KV_INVALID;
    TRY(put_block(zset, block, BLOCK, old));
    return put_block(zset, renamed(name, 'b'), count - BLOCK, RADON_NONE);
}

/* The first blocks, of a set that had none. */
static kv_status begin_blocks(collection *zset) {
    zset->extra |= HAS_BLOCKS;
    return cut(zset, radon_text("b"), zset->count, RADON_NONE);
}

kv_status rank_added(collection *zset, radon_bytes name) {
    if (!(zset->extra & HAS_BLOCKS)) return zset->count > 2 * BLOCK ? begin_blocks(zset) : KV_OK;
    blocks it = blocks_of(zset, name);
    if (!it.some) return KV_INVALID;
    uint64_t count = radon_load_u64(it.bytes.data) + 1;
    if (count > 2 * BLOCK) return cut(zset, it.name, count, radon_some(it.bytes));
    return put_block(zset, it.name, count, radon_some(it.bytes));
}

/* A block that has become small joins the one before it, where that has room. */
kv_status rank_removed(collection *zset, radon_bytes name) {
    if (!(zset->extra & HAS_BLOCKS)) return KV_OK;
    blocks it = blocks_of(zset, name);
    if (!it.some) return KV_INVALID;
    uint64_t count = radon_load_u64(it.bytes.data) - 1;
    uint64_t before = it.some_before ? radon_load_u64(it.bytes_before.data) : UINT64_MAX / 2;
    if (count >= BLOCK / 4 || before + count > BLOCK) return put_block(zset, it.name, count, radon_some(it.bytes));
    TRY(element_remove(zset, it.name, radon_some(it.bytes)));
    return put_block(zset, it.name_before, before + count, radon_some(it.bytes_before));
}

kv_status rank_of(const collection *zset, radon_bytes name, uint64_t *out) {
    radon_bytes from = FIRST, next, bytes;
    uint64_t rank = 0, last = 0;
    if (zset->extra & HAS_BLOCKS) {
        walk blocks = walk_begin(zset, radon_some(radon_text("b")), radon_some(behind(renamed(name, 'b'))), false);
        while (walk_next(&blocks, &next, &bytes)) {
            rank += last;
            last = radon_load_u64(bytes.data);
            from = next;
        }
        from = renamed(from, 's');
    }
    walk places = places_walk(zset, from, name);
    while (walk_next(&places, &next, &bytes)) rank++;
    *out = rank;
    return KV_OK;
}

kv_status rank_seek(const collection *zset, uint64_t rank, radon_bytes *out) {
    radon_bytes from = FIRST, next, bytes;
    if (zset->extra & HAS_BLOCKS && rank > BLOCK) {
        walk blocks = walk_begin(zset, radon_some(radon_text("b")), radon_some(radon_text("c")), false);
        while (walk_next(&blocks, &next, &bytes)) {
            uint64_t count = radon_load_u64(bytes.data);
            from = next;
            if (rank < count) break;
            rank -= count;
        }
        from = renamed(from, 's');
    }
    walk places = places_walk(zset, from, END);
    do {
        if (!walk_next(&places, out, &bytes)) return KV_INVALID;
    } while (rank-- > 0);
    return KV_OK;
}
