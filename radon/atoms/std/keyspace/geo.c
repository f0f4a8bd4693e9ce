/* geo.c - adding places, and telling where they are. */
#include "geo.h"

#include "numbers.h"

/* ---- numbers ---- */

/* As "%.Nf" writes it, which Redis does here. What is too large for that is no coordinate, and only shown in an error. */
static radon_bytes format_fixed(double number, int decimals) {
    uint64_t power = 1, bits;
    radon_buffer text = {0};
    if (__builtin_fabs(number) > 1e12) return format_double(number);
    for (int digit = 0; digit < decimals; digit++) power *= 10;
    memcpy(&bits, &number, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff), shift = 1075 - (exponent == 0 ? 1 : exponent); /* above 0, by the limit */
    uint64_t mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)(exponent != 0) << 52;
    unsigned __int128 scaled = (unsigned __int128)mantissa * power, half = (unsigned __int128)1 << (shift - 1) % 128;
    uint64_t rounded = shift < 128 ? (uint64_t)(scaled >> shift) : 0;
    unsigned __int128 rest = shift < 128 ? scaled & (2 * half - 1) : 0;
    if (rest > half || (rest == half && rounded & 1)) rounded++;
    if (bits >> 63) radon_buffer_add_byte(&text, '-');
    radon_buffer_add_u64(&text, rounded / power);
    radon_buffer_add_byte(&text, '.');
    while ((power /= 10) > 0) radon_buffer_add_byte(&text, (uint8_t)('0' + rounded / power % 10));
    return radon_buffer_bytes(&text);
}

/* As "%.17Lf" does, without the zeros at its end. */
static radon_bytes format_coordinate(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0) return radon_text("0"); /* or too small for 17 decimals */
    uint64_t mantissa = (bits << 11) | (uint64_t)1 << 63;
    return format_wide((wide){.negative = bits >> 63, .mantissa = mantissa, .exponent = exponent - 1075 - 11});
}

/* ---- arguments and replies ---- */

kv_status call_point(call *c, size_t index, geo_point *out) {
    TRY(call_score(c, index, &out->longitude, NULL));
    TRY(call_score(c, index + 1, &out->latitude, NULL));
    if (__builtin_fabs(out->longitude) <= GEO_LONGITUDE && __builtin_fabs(out->latitude) <= GEO_LATITUDE) return KV_OK;
    radon_buffer text = {0};
    radon_buffer_add(&text, format_fixed(out->longitude, 6));
    radon_buffer_add_text(&text, ",");
    radon_buffer_add(&text, format_fixed(out->latitude, 6));
    return call_fail_about(c, "ERR invalid longitude,latitude pair ", radon_buffer_bytes(&text), "");
}

kv_status call_unit(call *c, size_t index, double *out) {
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (size_t unit = 0; unit < sizeof units / sizeof *units; unit++) {
        *out = units[unit].metres;
        if (call_is(c, index, units[unit].name)) return KV_OK;
    }
    return call_fail(c, "ERR unsupported unit provided. please use M, KM, FT, MI");
}

void reply_point(replies *to, geo_point at) {
    reply_array(to, 2);
    reply_double_text(to, format_coordinate(at.longitude));
    reply_double_text(to, format_coordinate(at.latitude));
}

void reply_distance(replies *to, double distance) { reply_bulk(to, format_fixed(distance, 4)); }

/* ---- commands ---- */

/* A ZADD with scores instead of places. */
kv_status command_geoadd(call *c) {
    size_t first = 2, count = 0;
    bool is_new = false, is_old = false;
    for (; first < c->argc; first++) {
        if (call_is(c, first, "nx")) is_new = true;
        else if (call_is(c, first, "xx")) is_old = true;
        else if (!call_is(c, first, "ch")) break;
    }
    radon_bytes *argv = radon_alloc(c->argc * sizeof *argv);
    if ((c->argc - first) % 3 != 0 || (is_new && is_old)) return call_fail_syntax(c);
    for (; count < first; count++) argv[count] = c->argv[count];
    for (size_t index = first; index < c->argc; index += 3) {
        geo_point at;
        TRY(call_point(c, index, &at));
        argv[count++] = radon_format_u64((uint64_t)geo_score_of(at));
        argv[count++] = c->argv[index + 2];
    }
    c->argv = argv;
    c->argc = count;
    return command_zadd(c);
}

static kv_status find(const collection *zset, radon_bytes member, bool *some, geo_point *out) {
    double score;
    TRY(zset_find(zset, member, some, &score));
    if (*some) *out = geo_point_of(score);
    return KV_OK;
}

/* About each member that is named. */
static kv_status reply_each(call *c, void (*reply)(replies *, geo_point), void (*reply_none)(replies *)) {
    collection zset;
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    reply_array(c->to, c->argc - 2);
    for (size_t index = 2; index < c->argc; index++) {
        geo_point at;
        bool some;
        TRY(find(&zset, c->argv[index], &some, &at));
        some ? reply(c->to, at) : reply_none(c->to);
    }
    return KV_OK;
}

kv_status command_geopos(call *c) { return reply_each(c, reply_point, reply_null_array); }

#define HASH_LETTERS 11

/* As geohash.org writes it, on whose grid the rows go up to the poles: letters of 5 bits, and what is left is 0. */
static void reply_hash(replies *to, geo_point at) {
    uint8_t text[HASH_LETTERS];
    uint64_t number = geo_cell_number(geo_cell_at(at, GEO_STEPS, 90));
    for (int index = 0; index < HASH_LETTERS; index++) {
        int shift = 2 * GEO_STEPS - 5 * (index + 1);
        text[index] = (uint8_t)"0123456789bcdefghjkmnpqrstuvwxyz"[shift < 0 ? 0 : number >> shift & 31];
    }
    reply_bulk(to, (radon_bytes){text, HASH_LETTERS});
}

kv_status command_geohash(call *c) { return reply_each(c, reply_hash, reply_null); }

kv_status command_geodist(call *c) {
    collection zset;
    double unit = 1;
    geo_point from, to;
    bool some, some_too;
    if (c->argc > 5) return call_fail_syntax(c);
    if (c->argc == 5) TRY(call_unit(c, 4, &unit));
    TRY(collection_open(c, call_key(c, 1), TYPE_ZSET, &zset));
    TRY(find(&zset, c->argv[2], &some, &from));
    TRY(find(&zset, c->argv[3], &some_too, &to));
    some && some_too ? reply_distance(c->to, geo_distance(from, to) / unit) : reply_null(c->to);
    return KV_OK;
}
