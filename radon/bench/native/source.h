/* source.h - which operation is next, on which record, and when it is meant to begin.
 *
 * In an open loop operations are meant to begin at moments that nobody else has a say in, and their latency counts from
 * there: a server that stalls is charged for all that would have begun meanwhile.
 */
#pragma once

#include "api.h"
#include "draw.h"

#define SOURCE_NEVER UINT64_MAX

typedef struct {
    uint64_t id;
    uint64_t start; /* ns by the client's clock: when it was meant to begin */
    uint32_t kind;
    uint32_t number; /* the salt of the value that is written, or how many records a scan takes */
} load_operation;

typedef struct {
    load_mix mix;
    uint64_t random, chance; /* the states of what is drawn, and of the arrivals, which do not depend on each other */
    draw_zipf zipf;
    uint64_t begun, until; /* ns by the client's clock */
    uint64_t due;          /* when the next one is meant to begin, in an open loop; SOURCE_NEVER: there is none */
    double ahead;          /* the same, in ns since `begun` */
    uint64_t drawn;
    uint64_t inserting, inserted; /* inserts begun, and those that are done, as are all before them */
    uint8_t acknowledged[LOAD_WINDOW];
} load_source;

static inline void source_arrive(load_source *it) {
    double gap = it->mix.arrivals == LOAD_POISSON ? draw_exponential(&it->chance) : 1;
    it->ahead += gap * 1e9 / it->mix.rate;
    it->due = it->begun + (uint64_t)it->ahead;
    if (it->due > it->until || (it->mix.operations != 0 && it->drawn >= it->mix.operations)) it->due = SOURCE_NEVER;
}

static inline void source_begin(load_source *it, const load_mix *mix, uint64_t now) {
    __builtin_memset(it, 0, sizeof *it);
    it->mix = *mix;
    it->random = mix->seed;
    it->chance = mix->seed ^ UINT64_C(0x6a09e667f3bcc909);
    it->begun = now;
    it->until = mix->duration != 0 ? now + mix->duration : UINT64_MAX - 1;
    it->due = SOURCE_NEVER;
    if (mix->distribution != LOAD_UNIFORM && mix->records > 0) it->zipf = zipf_of(mix->theta, mix->records);
    if (mix->rate > 0) source_arrive(it);
}

static inline uint64_t source_inserted_id(const load_source *it, uint64_t n) {
    return it->mix.fresh + it->mix.stripe + n * it->mix.stride;
}

/* Hot ranks are scattered over all records: a prime above them all is coprime to their number, so each has one place. */
static inline uint64_t source_scattered(const load_source *it, uint64_t rank) {
    return (rank - 1) * UINT64_C(2654435761) % it->mix.records;
}

/* Of a record that is there. */
static inline uint64_t source_id(load_source *it) {
    uint64_t there = it->mix.records + it->inserted;
    if (it->mix.distribution == LOAD_ZIPF) return source_scattered(it, zipf_rank(&it->zipf, &it->random));
    uint64_t back; /* 0: the latest */
    if (it->mix.distribution == LOAD_LATEST) {
        if (it->zipf.count != there) zipf_bound(&it->zipf, there);
        back = zipf_rank(&it->zipf, &it->random) - 1;
    } else {
        back = draw_below(&it->random, there);
    }
    return back < it->inserted ? source_inserted_id(it, it->inserted - 1 - back) : there - 1 - back;
}

/* The next one, if one may begin now. In a closed loop it is meant to begin now, in an open one when it was due. */
static inline bool source_next(load_source *it, uint64_t now, load_operation *out) {
    if (it->mix.rate > 0 ? it->due > now || it->due == SOURCE_NEVER : now >= it->until) return false;
    if (it->mix.operations != 0 && it->drawn >= it->mix.operations) return false;
    uint32_t kind = 0, chance = (uint32_t)(draw_u64(&it->random) >> 33);
    while (kind < LOAD_KINDS - 1 && chance >= it->mix.below[kind]) kind++;
    out->kind = kind;
    out->id = kind == LOAD_INSERT ? source_inserted_id(it, it->inserting++) : source_id(it);
    uint64_t number = draw_u64(&it->random) >> 32;
    out->number = (uint32_t)(kind == LOAD_SCAN ? 1 + (number * it->mix.longest_scan >> 32) : number);
    out->start = now;
    it->drawn++;
    if (it->mix.rate > 0) {
        out->start = it->due;
        source_arrive(it);
    }
    return true;
}

/* The record of an insert is there: it may be read once all before it are. Fewer than LOAD_WINDOW are under way. */
static inline void source_acknowledge(load_source *it, uint64_t id) {
    uint64_t n = (id - it->mix.fresh - it->mix.stripe) / it->mix.stride;
    it->acknowledged[n % LOAD_WINDOW] = 1;
    while (it->inserted < it->inserting && it->acknowledged[it->inserted % LOAD_WINDOW])
        it->acknowledged[it->inserted++ % LOAD_WINDOW] = 0;
}
