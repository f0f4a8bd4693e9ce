/* codec.h - records to bytes and back, by the table that Python's codec has made (records.h).
 *
 * A reader trusts nothing: every length is checked, all text is UTF-8, and nothing is read in part. Frames - headers and
 * checksums - are Python's; here there are only bodies.
 */
#ifndef RADON_CODEC_H
#define RADON_CODEC_H

#include <stdarg.h>

#include "delivery.h"
#include "records.h"

#define MAX_FIXED 18 /* fields of a record; tables.py's longest is Serve */
#define MAX_VARIABLE 6

/* A record as it stands in somebody's bytes, which must outlive it. */
typedef struct Record {
    int tag;
    uint64_t n[MAX_FIXED];  /* the fixed fields in order; an identity leaves its place empty ... */
    const uint8_t *id;      /* ... and is here; a record has one at most */
    Slice v[MAX_VARIABLE];  /* the variable fields: text, bytes, metadata as they are, addresses and deliveries encoded */
    const uint8_t *data;    /* the whole of it, tag included */
    size_t size;
} Record;

typedef struct Reader {
    const uint8_t *begin, *at, *end;
    char error[120]; /* once `next_record` was false for a reason: where and why */
} Reader;

Reader reader_of(Slice body);

/* The next record. False at the end, or where there is none: then `error` is not empty. */
bool next_record(Reader *reader, Record *record);

/* What a field of a record holds, as a new value. The record was read, so it is well-formed. */
Address decode_address(Slice field);
Delivery *decode_delivery(Slice field);

/* Appends a record: the fields in order, those of numbers as `uint64_t` for Q, `uint32_t` for I, `int` for B, `double`
 * for d, `const uint8_t *` for an identity, then `Slice` for text, bytes and metadata, `const Address *`,
 * `const Delivery *`. */
void put_record(Buffer *buffer, int tag, ...);
void put_record_v(Buffer *buffer, int tag, va_list fields);
void put_step(Buffer *buffer, uint64_t number, uint64_t time); /* what most records are, in less time */

/* ---- UTF-8 ---- */

/* How many bytes at the beginning are whole characters: all of them, if it is UTF-8. */
size_t utf8_valid(Slice text);
static inline bool is_utf8(Slice text) { return utf8_valid(text) == text.size; }

/* Appends the text of bytes that may be none: each longest beginning of a character that does not go on as one becomes
 * U+FFFD, as Python's "replace" has it. */
void put_text(Buffer *buffer, Slice bytes);

/* Characters; the text is UTF-8. */
size_t utf8_length(Slice text);

/* How many bytes the first `most` characters have. */
size_t utf8_prefix(Slice text, size_t most);

#endif
