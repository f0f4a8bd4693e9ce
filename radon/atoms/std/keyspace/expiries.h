/* expiries.h - times at which entries expire. Redis counts in milliseconds, as s64; entries in ns, as u64; 0: never. */
#ifndef EXPIRIES_H
#define EXPIRIES_H

#include "call.h"

/* An entry's expiry for this time, which is above 0; what is later than an entry can expire is the latest. */
static inline uint64_t expiry_at(int64_t ms) {
    return (uint64_t)ms > UINT64_MAX / 1000000 ? UINT64_MAX : (uint64_t)ms * 1000000;
}

static inline int64_t expiry_ms(uint64_t expiry) { return (int64_t)(expiry / 1000000); }

typedef enum { EXPIRY_NONE, EXPIRY_EX, EXPIRY_PX, EXPIRY_EXAT, EXPIRY_PXAT } expiry_unit;

static inline bool is_in_seconds(expiry_unit unit) { return unit == EXPIRY_EX || unit == EXPIRY_EXAT; }
static inline bool is_relative(expiry_unit unit) { return unit == EXPIRY_EX || unit == EXPIRY_PX; }

/* "ERR invalid expire time in 'NAME' command" */
kv_status call_fail_expiry(call *c);

/* The argument as a time above 0; `out` is an entry's expiry. */
kv_status call_expiry(call *c, size_t index, expiry_unit unit, uint64_t *out);

/* Writes the entry, of whatever type, anew with another expiry. */
kv_status entry_expire_at(radon_bytes key, const entry *it, uint64_t expiry);

#endif
