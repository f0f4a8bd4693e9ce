/* ahead.h - searches of large buckets begin before the turns that want them
 *
 * An entry among a million is in no cache: to wait for it takes as long as all else of a turn. So while a turn runs, the
 * memory is asked for that the next ones will read. What they will look up is a guess: guests mostly look up a key that
 * is part of the message, and where it lay in a message of some size it lies in the next one of that size. Nothing
 * follows from a guess but how long a search takes.
 */
#ifndef RADON_NATIVE_AHEAD_H
#define RADON_NATIVE_AHEAD_H

#include "guest.h"

/* The guest looks up a key in this bucket; these are its bytes in the guest's memory. */
void ahead_learn(Instance *i, const Bucket *bucket, uint32_t pointer, uint32_t length);

/* As map_find: what the search that was begun for this turn has found, or the turn's own last one, which writes where it
 * has read; else it is searched for now. */
Str **ahead_find(Instance *i, const Bucket *bucket, Slice key, Str **own);

/* The turn changes which keys there are, or is over. */
static inline void ahead_forget(Instance *i) { i->seat->ahead.map = i->last.map = NULL; }

/* Goes on with the searches of the next in the queue. NULL: there is none. */
void ahead_go_on(const Atom *next);

#endif
