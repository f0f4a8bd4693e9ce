/* histogram.h - how often which latency was seen, in ns and to three decimal digits, up to an hour.
 *
 * The buckets are those of an HdrHistogram(1, 3600000000000, 3): 2,048 of one ns each, then 1,024 of two, of four, and so
 * on; histogram.py writes and reads that library's form.
 */
#pragma once

#include <stdint.h>

#include "api.h"

#define HISTOGRAM_LONGEST UINT64_C(3600000000000)

static inline void histogram_add(uint64_t counts[LOAD_BUCKETS], uint64_t value) {
    if (value > HISTOGRAM_LONGEST) value = HISTOGRAM_LONGEST;
    uint32_t coarse = (uint32_t)(53 - __builtin_clzll(value | 2047)); /* 0 for those of one ns */
    counts[coarse * 1024 + (uint32_t)(value >> coarse)]++;
}
