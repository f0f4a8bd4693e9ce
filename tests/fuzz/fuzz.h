/* fuzz.h - what the fuzz targets share: a domain, and that its snapshot makes the same one. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>

#include "api.h"
#include "domain.h"

/* A durable domain with limits that an input can reach. Flags: bit 0 forgetful, bit 1 without elision. */
static inline RadonDomain *new_domain(void *engine, int flags) {
    RadonDomain *d = radon_new(engine);
    Buffer row = {0};
    put_record(
        &row, R_CHOSEN, (uint64_t)4, (uint64_t)3, (uint64_t)64, (uint64_t)8 << 20, (uint64_t)1 << 20, (uint64_t)1 << 16, (uint64_t)1 << 12,
        (uint64_t)8, (uint64_t)1000000, (uint64_t)1000, (uint64_t)1000, flags & 1, !(flags & 2), 1,
        SLICE("local"));
    radon_settings(d, row.data, row.size);
    buffer_free(&row);
    return d;
}

static inline void must(bool so, const char *what) {
    if (so) return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

/* The snapshot as a copy of it, to be freed. */
static inline Buffer snapshot_of(RadonDomain *d) {
    RadonBytes there = radon_snapshot(d);
    Buffer copy = {0};
    buffer_put(&copy, there.data, there.size);
    return copy;
}

/* A snapshot is taken, and the domain that it makes has the same one. */
static inline void check_snapshot(RadonDomain *d) {
    Buffer one = snapshot_of(d), other;
    RadonDomain *again = new_domain(NULL, 0);
    must(radon_load(again, one.data, one.size) == NULL, "a domain's own snapshot is taken");
    other = snapshot_of(again);
    must(one.size == other.size && memcmp(one.data, other.data, one.size) == 0, "a snapshot makes the same snapshot");
    radon_free(again);
    buffer_free(&one), buffer_free(&other);
}

#endif
