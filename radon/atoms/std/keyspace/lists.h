/* lists.h - what the commands of lists share. */
#ifndef LISTS_H
#define LISTS_H

#include "collections.h"

typedef enum { FRONT, BACK } list_end;

#define LIST_MIDDLE ((uint64_t)1 << 63) /* where the first element of a list is put */

/* The name of the element with this index, from 0. */
radon_bytes list_place(const collection *list, uint64_t index);

kv_status list_get(const collection *list, uint64_t index, radon_option *out);

kv_status list_push(collection *list, list_end end, radon_bytes value);

/* Of a list that has some. */
kv_status list_pop(collection *list, list_end end, radon_bytes *out);

/* The elements with indices from `first` on, so many of them, which are there. */
walk list_walk(const collection *list, uint64_t first, uint64_t count, bool backwards);

static inline bool list_next(walk *walk, radon_bytes *value) {
    radon_bytes place;
    return walk_next(walk, &place, value);
}

/* "LEFT" or "RIGHT" */
kv_status list_read_end(call *c, size_t index, list_end *out);

/* Moves an element from the list at the one key to that at the other; none: the list at `from` is empty. Where the reply
 * is wanted is up to the caller. */
kv_status list_move(call *c, radon_bytes from, list_end from_end, radon_bytes to, list_end to_end, radon_option *out);

/* Replies the key, and as many elements of its list as there are, at most `count`: what LMPOP does. */
kv_status list_pop_many(call *c, collection *list, list_end end, uint64_t count);

#endif
