/* geo_search.c - the members of a sorted set that lie within a circle or a box. */
#include "geo.h"

typedef enum { UNSORTED, ASCENDING, DESCENDING } sorting;

typedef struct {
    geo_shape shape;
    bool has_centre, has_shape;
    bool distances, hashes, points; /* are shown */
    bool any;                       /* the first that are found */
    int64_t count;                  /* 0: all */
    sorting sorting;
    size_t store;                   /* the argument that is the key to store at, or 0 */
    bool store_distances;
} search;

typedef struct {
    radon_bytes member;
    double score;
    geo_point at;
    double distance; /* in the search's unit */
} place;

typedef struct {
    place *data;
    size_t len, room;
} places;

/* ---- arguments ---- */

static kv_status read_radius(call *c, size_t at, search *out) {
    TRY(call_score(c, at, &out->shape.radius, "ERR need numeric radius"));
    if (out->shape.radius < 0) return call_fail(c, "ERR radius cannot be negative");
    out->has_shape = true;
    return call_unit(c, at + 1, &out->shape.unit);
}

static kv_status read_box(call *c, size_t at, search *out) {
    TRY(call_score(c, at, &out->shape.width, "ERR need numeric width"));
    TRY(call_score(c, at + 1, &out->shape.height, "ERR need numeric height"));
    if (out->shape.width < 0 || out->shape.height < 0) return call_fail(c, "ERR height or width cannot be negative");
    out->has_shape = out->shape.is_box = true;
    return call_unit(c, at + 2, &out->shape.unit);
}

static kv_status read_member(call *c, size_t at, const collection *zset, search *out) {
    double score;
    bool some;
    out->has_centre = true;
    if (zset->count == 0) return KV_OK; /* whatever is sought, nothing is found */
    TRY(zset_find(zset, c->argv[at], &some, &score));
    if (!some) return call_fail(c, "ERR could not decode requested zset member");
    out->shape.centre = geo_point_of(score);
    return KV_OK;
}

static kv_status read_count(call *c, size_t at, search *out) {
    TRY(call_integer(c, at, &out->count));
    return out->count <= 0 ? call_fail(c, "ERR COUNT must be > 0") : KV_OK;
}

/* What all searches know. */
static bool read_flag(const call *c, size_t at, search *out) {
    if (call_is(c, at, "withdist")) out->distances = true;
    else if (call_is(c, at, "withhash")) out->hashes = true;
    else if (call_is(c, at, "withcoord")) out->points = true;
    else if (call_is(c, at, "any")) out->any = true;
    else if (call_is(c, at, "asc")) out->sorting = ASCENDING;
    else if (call_is(c, at, "desc")) out->sorting = DESCENDING;
    else return false;
    return true;
}

typedef enum { SEARCHES, STORES, AROUND, AROUND_READ_ONLY } variant;

static kv_status read_option(call *c, size_t *at, variant is, const collection *zset, search *out) {
    size_t index = *at, left = c->argc - index - 1;
    bool searches = is <= STORES, by_box = out->shape.is_box, by_radius = out->has_shape && !by_box;
    if (read_flag(c, index, out)) return KV_OK;
    *at += 1;
    if (left >= 1 && call_is(c, index, "count")) return read_count(c, index + 1, out);
    if (is == AROUND && left >= 1 && (call_is(c, index, "store") || call_is(c, index, "storedist"))) {
        out->store = index + 1;
        out->store_distances = c->argv[index].len > 5;
        return KV_OK;
    }
    if (searches && left >= 1 && call_is(c, index, "frommember") && !out->has_centre)
        return read_member(c, index + 1, zset, out);
    *at += 1;
    if (searches && left >= 2 && call_is(c, index, "fromlonlat") && !out->has_centre) {
        out->has_centre = true;
        return call_point(c, index + 1, &out->shape.centre);
    }
    if (searches && left >= 2 && call_is(c, index, "byradius") && !by_box) return read_radius(c, index + 1, out);
    *at += 1;
    if (searches && left >= 3 && call_is(c, index, "bybox") && !by_radius) return read_box(c, index + 1, out);
    *at = index;
    if (is != STORES || !call_is(c, index, "storedist")) return call_fail_syntax(c);
    out->store_distances = true;
    return KV_OK;
}

static kv_status check(call *c, variant is, const search *it) {
    if (it->store != 0 && (it->distances || it->hashes || it->points))
        return call_fail(c, is == STORES
            ? "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            : "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
    if (is <= STORES && !it->has_centre)
        return call_fail_about(c, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ", c->argv[0], "");
    if (is <= STORES && !it->has_shape)
        return call_fail_about(c, "ERR exactly one of BYRADIUS and BYBOX can be specified for ", c->argv[0], "");
    return it->any && it->count == 0 ? call_fail(c, "ERR the ANY argument requires COUNT argument") : KV_OK;
}

/* ---- finding ---- */

static void add(places *to, place it) {
    if (to->len == to->room) {
        size_t more = to->room == 0 ? 16 : 2 * to->room;
        to->data = radon_realloc(to->data, to->room * sizeof *to->data, more * sizeof *to->data);
        to->room = more;
    }
    to->data[to->len++] = it;
}

/* Scores from the first of a cell to the first behind it. */
static range range_of_cell(geo_cell cell) {
    int shift = 2 * (GEO_STEPS - cell.step);
    uint64_t number = geo_cell_number(cell);
    return range_of_scores((double)(number << shift), (double)((number + 1) << shift));
}

static kv_status find(const collection *zset, const search *it, places *out) {
    geo_cell cells[9];
    uint64_t limit = it->any ? (uint64_t)it->count : UINT64_MAX;
    size_t count = geo_cover(&it->shape, cells);
    for (size_t cell = 0; cell < count; cell++) {
        span span;
        scored next;
        range of = range_of_cell(cells[cell]);
        TRY(span_of(zset, &of, &span));
        while (out->len < limit && span_next(&span, &next)) {
            place found = {.member = next.member, .score = next.score, .at = geo_point_of(next.score)};
            if (!geo_within(&it->shape, found.at, &found.distance)) continue;
            found.distance /= it->shape.unit;
            add(out, found);
        }
    }
    return KV_OK;
}

static bool is_before(const place *a, const place *b, sorting by) {
    return by == ASCENDING ? a->distance < b->distance : a->distance > b->distance;
}

/* Merges sorted halves: the nearest first, or the farthest. */
static void sort(place *them, place *spare, size_t len, sorting by) {
    size_t half = len / 2, left = 0, right = half;
    if (len < 2) return;
    sort(them, spare, half, by);
    sort(them + half, spare, len - half, by);
    memcpy(spare, them, len * sizeof *them);
    for (size_t index = 0; index < len; index++) {
        bool from_right = left == half || (right < len && is_before(&spare[right], &spare[left], by));
        them[index] = spare[from_right ? right++ : left++];
    }
}

/* ---- replies ---- */

static void reply_place(call *c, const search *it, const place *found) {
    size_t beside = (size_t)it->distances + it->hashes + it->points;
    if (beside > 0) reply_array(c->to, 1 + beside);
    reply_bulk(c->to, found->member);
    if (it->distances) reply_distance(c->to, found->distance);
    if (it->hashes) reply_integer(c->to, (int64_t)found->score);
    if (it->points) reply_point(c->to, found->at);
}

static kv_status store(call *c, const search *it, const places *found) {
    results stored = {0};
    for (size_t index = 0; index < found->len; index++) {
        const place *next = &found->data[index];
        results_add(&stored, (scored){next->member, it->store_distances ? next->distance : next->score});
    }
    return zset_store(c, call_key(c, it->store), &stored);
}

/* The key is argv[key]; options stand from argv[at] on. */
static kv_status run(call *c, variant is, const collection *zset, size_t at, search *it) {
    places found = {0};
    for (; at < c->argc; at++) TRY(read_option(c, &at, is, zset, it));
    TRY(check(c, is, it));
    if (it->count > 0 && it->sorting == UNSORTED && !it->any) it->sorting = ASCENDING;
    if (zset->count > 0) TRY(find(zset, it, &found));
    if (it->sorting != UNSORTED) sort(found.data, radon_alloc(found.len * sizeof *found.data), found.len, it->sorting);
    if (it->count > 0 && found.len > (uint64_t)it->count) found.len = (size_t)it->count;
    if (it->store != 0) return store(c, it, &found);
    reply_array(c->to, found.len);
    for (size_t index = 0; index < found.len; index++) reply_place(c, it, &found.data[index]);
    return KV_OK;
}

static kv_status around_point(call *c, variant is) {
    collection zset;
    search it = {0};
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    TRY(call_point(c, 2, &it.shape.centre));
    TRY(read_radius(c, 4, &it));
    return run(c, is, &zset, 6, &it);
}

static kv_status around_member(call *c, variant is) {
    collection zset;
    search it = {0};
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    TRY(read_member(c, 2, &zset, &it));
    if (zset.count > 0) TRY(read_radius(c, 3, &it));
    return run(c, is, &zset, 5, &it);
}

static kv_status around_any(call *c, variant is, size_t key) {
    collection zset;
    search it = {.store = key - 1};
    TRY(collection_open(c, call_key(c, key), TYPE_ZSET, &zset));
    return run(c, is, &zset, key + 1, &it);
}

kv_status command_georadius(call *c) { return around_point(c, AROUND); }
kv_status command_georadius_ro(call *c) { return around_point(c, AROUND_READ_ONLY); }
kv_status command_georadiusbymember(call *c) { return around_member(c, AROUND); }
kv_status command_georadiusbymember_ro(call *c) { return around_member(c, AROUND_READ_ONLY); }
kv_status command_geosearch(call *c) { return around_any(c, SEARCHES, 1); }
kv_status command_geosearchstore(call *c) { return around_any(c, STORES, 2); }
