/* scans.h - SCAN and its like. */
#ifndef SCANS_H
#define SCANS_H

#include "../redis/glob.h"
#include "collections.h"

typedef struct {
    bool matches; /* there is a pattern */
    radon_bytes pattern;
    uint32_t count;
    radon_option type;
} scan_options;

#define SCAN_AT_ONCE 512 /* so few elements are shown at once, as in Redis, which keeps them in one piece */

/* The argument that is a cursor. */
kv_status scan_number(call *c, size_t index, uint64_t *out);

/* The same, which stands for where to go on; none: at the beginning. */
kv_status scan_cursor(call *c, size_t index, radon_option *out);

/* The arguments from this one on. */
kv_status scan_read_options(call *c, size_t index, scan_options *out);

/* Replies the cursor, 0: there is no more, and what is shown: so many replies. */
void scan_reply(call *c, uint64_t cursor, size_t count, const replies *shown);

/* Replies a cursor to go on from; none: there is no more. */
kv_status scan_reply_cursor(call *c, radon_option next);

static inline bool scan_shows(const scan_options *options, radon_bytes name) {
    return !options->matches || glob_matches(options->pattern, name);
}

/* Writes an element of a collection, as so many replies. `name` is without the prefix. */
typedef size_t scan_show(replies *to, radon_bytes name, radon_bytes bytes);

/* HSCAN and its like: the elements whose names begin with `prefix`, a byte or nothing. */
kv_status scan_elements(call *c, type type, radon_bytes prefix, scan_show *show);

#endif
