/* types.h - what `std:keyspace`, which is made of these sources too, adds to them: entries of several types, by tag.
 *
 * In kv itself nothing of it does anything (untyped.c).
 */
#ifndef TYPES_H
#define TYPES_H

#include "requests.h"

/* Whether there are types, and the operations KV_COMMAND, KV_FETCH and KV_STORE. */
extern const bool typed;

/* Begins a turn for this message; handle 0: for a timer. */
kv_status types_begin(radon_message message);

/* Whether there is such a request at all. */
kv_status types_allow(const request *given);

/* Carries out a KV_COMMAND. No bytes: the answer comes in a later turn. */
radon_bytes types_command(const request *given);

/* What a refused request is answered beside its status: a KV_COMMAND gets its commands back, so that whoever asked need
 * not remember them. */
radon_bytes types_hand_back(const request *given);

/* Carries out a KV_FETCH of an entry that is there. */
radon_bytes types_fetch(const entry *it);

/* Carries out a KV_STORE: answers about the new entry. */
radon_bytes types_store(const request *given, const entry *old, uint64_t expiry);

/* The turn is about to be answered: what it changed is counted, which may be refused. */
kv_status types_settle(void);

/* It was answered: frees what no entry refers to any more, and tells those who wait for what there is now. */
void types_finish(void);

/* A timer other than that of expiries has fired. */
radon_error types_fired(uint64_t timer);

#endif
