/* locks.h - which keys transactions have locked.
 *
 * In memory only: whoever is in the bucket of what is prepared has its keys locked, and nobody else has any. So entries.c
 * keeps the two in step, when a write is undone too, and begins a new instance with what it finds there.
 */
#ifndef LOCKS_H
#define LOCKS_H

#include "messages.h"

typedef enum { FREE, READ, WRITTEN } lock;

/* Who has locked the key, in a name of KV_TRANSACTION bytes. */
lock lock_of(radon_bytes key, radon_bytes *holder);

bool locks_any(void);

/* Whether so many requests of so many bytes may be prepared beside those that are. */
bool locks_fit(size_t requests, size_t bytes);

/* The keys of what this transaction has prepared are locked from now on, or not any more. */
void locks_set(radon_bytes name, radon_bytes what, bool held);

#endif
