/* zsets_ranges.h - parts of a sorted set: by rank, by score, by member. */
#ifndef ZSETS_RANGES_H
#define ZSETS_RANGES_H

#include "zsets.h"

typedef enum { BY_RANK, BY_SCORE, BY_LEX, BY_ANY } range_by;

/* Where a range begins or ends: before the place of this name. `relative`: before this member of the lowest score. */
typedef struct {
    bool relative;
    radon_bytes name;
} cut;

typedef struct {
    range_by by;
    bool backwards;
    int64_t first, last; /* by rank, from 0; below 0: from the end, which is -1 */
    cut start, end;      /* by score and by member */
    int64_t offset;      /* so many are left out; below 0: all */
    int64_t limit;       /* so many at most; below 0: all */
} range;

/* Reads the bounds of a range, which are its lower and its upper one, or by rank its first and its last. */
kv_status range_read(call *c, range_by by, size_t low, size_t high, range *out);

/* What a range is in this set; it may grow smaller meanwhile. */
typedef struct {
    walk walk;
    uint64_t skip, left;
} span;

kv_status span_of(const collection *zset, const range *of, span *out);
bool span_next(span *span, scored *out);

/* The first `count`, backwards the last. */
range range_at_end(bool backwards, uint64_t count);

/* From `low` up to `high`, without it. */
range range_of_scores(double low, double high);

#endif
