/* members.c - members by their hash: picking some at random, and scans. */
#include "members.h"

radon_bytes member_name(radon_bytes member) {
    uint8_t *bytes = radon_alloc(MEMBER_HEAD + member.len);
    bytes[0] = 'm';
    radon_store_u32(bytes + 1, __builtin_bswap32((uint32_t)kv_hash(member)));
    memcpy(bytes + MEMBER_HEAD, member.data, member.len);
    return (radon_bytes){bytes, MEMBER_HEAD + member.len};
}

walk members_walk(const collection *of) {
    return walk_begin(of, radon_some(radon_text("m")), radon_some(radon_text("n")), false);
}

/* An index below `count`. */
static size_t random_below(size_t count) { return (size_t)((unsigned __int128)radon_random_next() * count >> 64); }

/* ---- one ---- */

/* The hashes are cut into windows of the same width, 2 to 4 members in each on average. With a window and one of its
 * PLACES at random, a member whose place that is has been picked; where there is none, it is tried again. So all are as
 * likely, but for those beyond the last place, where somebody chose members by their hashes: then all are counted. */
#define PLACES 16
#define TRIES 256

static radon_option hash_name(uint64_t hash) {
    uint8_t *bytes = radon_alloc(MEMBER_HEAD);
    bytes[0] = hash >> 32 ? 'n' : 'm';
    radon_store_u32(bytes + 1, __builtin_bswap32((uint32_t)hash));
    return radon_some((radon_bytes){bytes, MEMBER_HEAD});
}

static kv_status pick_by_counting(const collection *of, radon_entry *out) {
    size_t index = random_below((size_t)of->count);
    walk walk = members_walk(of);
    do {
        if (!walk_next(&walk, &out->key, &out->value)) return KV_INVALID;
    } while (index-- > 0);
    return KV_OK;
}

static kv_status pick(const collection *of, radon_entry *out) {
    int bits = 0; /* of the number of windows */
    if (of->count <= PLACES) return pick_by_counting(of, out);
    while (bits < 31 && of->count >> bits > 4) bits++;
    for (int tries = 0; tries < TRIES; tries++) {
        uint64_t random = radon_random_next(), window = random >> 32 >> (32 - bits);
        size_t place = random % PLACES, count = 0;
        walk walk = walk_begin(of, hash_name(window << (32 - bits)), hash_name((window + 1) << (32 - bits)), false);
        walk.limit = PLACES + 1;
        radon_entry next;
        while (count <= PLACES && walk_next(&walk, &next.key, &next.value))
            if (count++ == place) *out = next;
        if (count > PLACES) break;
        if (count > place) return KV_OK;
    }
    return pick_by_counting(of, out);
}

/* ---- many ---- */

static kv_status pick_from_all(const collection *of, size_t wanted, bool repeats, radon_entry *out) {
    radon_entry *all = radon_alloc((size_t)of->count * sizeof *all);
    walk walk = members_walk(of);
    size_t count = 0;
    while (count < of->count && walk_next(&walk, &all[count].key, &all[count].value)) count++;
    if (count < of->count) return KV_INVALID;
    for (size_t index = 0; index < wanted; index++) {
        size_t at = random_below(count);
        out[index] = all[at];
        if (!repeats) all[at] = all[--count];
    }
    return KV_OK;
}

/* Different ones: drawn again where it was drawn before, which a table of hashes tells. */
static kv_status pick_apart(const collection *of, size_t wanted, radon_entry *out) {
    size_t room = 2 * wanted, count = 0;
    uint32_t *slots = radon_alloc(room * sizeof *slots); /* index + 1; 0: free */
    memset(slots, 0, room * sizeof *slots);
    while (count < wanted) {
        TRY(pick(of, &out[count]));
        size_t slot = kv_hash(out[count].key) % room;
        while (slots[slot] != 0 && !radon_equal(out[slots[slot] - 1].key, out[count].key)) slot = (slot + 1) % room;
        if (slots[slot] == 0) slots[slot] = (uint32_t)++count;
    }
    return KV_OK;
}

kv_status members_pick(const collection *of, uint64_t wanted, bool repeats, radon_entry_list *out) {
    if (!repeats && wanted > of->count) wanted = of->count;
    *out = (radon_entry_list){0};
    if (of->count == 0 || wanted == 0) return KV_OK;
    if (wanted > RANDOM_MOST) return KV_TOO_LARGE;
    radon_entry *picked = radon_alloc((size_t)wanted * sizeof *picked);
    *out = (radon_entry_list){picked, (size_t)wanted};
    if (wanted > of->count / 3) return pick_from_all(of, out->len, repeats, picked);
    if (!repeats) return pick_apart(of, out->len, picked);
    for (size_t index = 0; index < out->len; index++) TRY(pick(of, &picked[index]));
    return KV_OK;
}

/* ---- scans ---- */

static uint32_t hash_of(radon_bytes name) { return __builtin_bswap32(radon_load_u32(name.data + 1)); }

kv_status members_scan_read(call *c, type type, members_scan *out) {
    *out = (members_scan){.options = {.count = 10}};
    TRY(scan_number(c, 2, &out->cursor));
    TRY(collection_open(c, call_key(c, 1), type, &out->of));
    return out->of.count > 0 ? scan_read_options(c, 3, &out->options) : KV_OK;
}

kv_status members_scan_run(call *c, const members_scan *it, scan_show *show) {
    radon_entry next;
    replies shown = {.resp = c->to->resp};
    uint64_t cursor = 0;
    uint32_t last = 0;
    size_t seen = 0, count = 0;
    size_t most = it->of.count <= SCAN_AT_ONCE ? SCAN_AT_ONCE : it->options.count;
    walk walk = walk_begin(&it->of, hash_name(it->cursor), radon_some(radon_text("n")), false);
    if (most < walk.limit) walk.limit = (uint32_t)most + 1;
    for (; walk_next(&walk, &next.key, &next.value); last = hash_of(next.key)) {
        if (seen++ >= most && hash_of(next.key) != last) {
            cursor = hash_of(next.key);
            break;
        }
        radon_bytes member = member_of(next.key);
        if (scan_shows(&it->options, member)) count += show(&shown, member, next.value);
    }
    scan_reply(c, cursor, count, &shown);
    return KV_OK;
}
