/* cells.h - what a replica keeps under a key, and how two such are joined: the lattices. Bytes only, no syscalls.
 *
 * A cell is one write that no other one has replaced. Its bytes are those of an answer (docs/kv.md), so that a key with
 * nothing but a register is stored, and handed out, just as kv does it. A key has its cells one behind the other in
 * this order: registers, the newest first; counters, one of each writer; elements of a set, in the order of their bytes
 * and of their writers.
 */
#ifndef CELLS_H
#define CELLS_H

#include "../kv/messages.h"

/* A stamp is the time of a write in ns since 1970, or more, with the writer's number in the last bits. No two are the
 * same, and what a writer had seen before has lower ones. */
#define WRITERS 16
static inline uint32_t writer_of(uint64_t stamp) { return (uint32_t)(stamp % WRITERS); }

/* Of each writer the newest stamp: all before it were seen as well. */
typedef struct { uint64_t of[KV_REPLICAS]; } vector;

static inline bool covers(const vector *seen, uint64_t stamp) {
    return writer_of(stamp) < KV_REPLICAS && stamp <= seen->of[writer_of(stamp)];
}

bool covers_all(const vector *seen, const vector *those);
void join(vector *seen, const vector *with);

typedef enum { REGISTER, COUNTER, ELEMENT } cell_type;

typedef struct {
    radon_bytes bytes;
    uint8_t tag;
    cell_type type;
    uint64_t stamp;
    uint64_t expiry;
    radon_bytes payload; /* a value, an s64, an element */
} cell;

/* A register with this expiry is a deletion. */
#define DELETED 1

radon_bytes cell_make(cell_type type, uint8_t tag, uint64_t stamp, uint64_t expiry, radon_bytes payload);

/* Takes one off the front. False where there is none. */
bool cell_next(radon_bytes *rest, cell *out);

/* How two states of a key become one. Where both have a cell in the same place the newer one stays; one that only one
 * side has goes if the other had it once. */
typedef struct {
    bool newest;           /* the newest register wins over all that is older; else concurrent ones stay side by side */
    radon_bytes removed;   /* stamps that the right side has replaced */
    const vector *left;    /* what the left side has seen, or NULL: what the right side has is new to it */
    const vector *right;
} rule;

radon_bytes cells_join(radon_bytes left, radon_bytes right, const rule *rule);

/* ---- what cells show ---- */

typedef enum { NOTHING, VALUE, NUMBER, SET } showing;

typedef struct {
    showing what;
    uint8_t tag;
    uint64_t version; /* the newest stamp */
    uint64_t expiry;
    int64_t number;
    radon_bytes entry; /* of a VALUE: the register as an answer */
} view;

view cells_view(radon_bytes cells, uint64_t now);

/* As the answer to a get. Of a set: its elements, each behind its length (u32). */
radon_bytes view_answer(const view *it, radon_bytes cells);

#endif
