/* keyspace.h - the parts of a keyspace's turn: running commands, peeking, waiting, counting. */
#ifndef KEYSPACE_H
#define KEYSPACE_H

#include "collections.h"

#include "../redis/statistics.h"

/* ---- commands.c ---- */

enum { COMMAND_BLOCK = 1, COMMAND_PEEK = 2, COMMAND_FOREIGN = 4 }; /* flags of a KV_COMMAND */

/* ---- peeks.c: what a KV_COMMAND touched ---- */

void peek_begin(void);

/* `seen`: the version, or that of its absence, that the command is told that it saw. `had`: the one that it has here, 0:
 * there is none. The first note counts. */
void peek_note(radon_bytes key, uint64_t seen, uint64_t had);

/* Entries of other shards, which are here until all is undone. FAILED: they are not well-formed. */
kv_status peek_bring(radon_bytes *rest);

/* All that was touched, behind the replies. */
kv_status peek_report(radon_buffer *to);

/* ---- waiters.c ---- */

/* Connections choose such places, and numbers of connections are none. */
static inline bool is_place(uint64_t token) { return token >> 63; }

kv_status waiters_begin(radon_message message);

/* The message of this turn waits for the keys under this place in the queue; 0: behind all others. */
kv_status waiters_add(const radon_bytes *keys, size_t count, uint64_t place);

/* Whoever waits under this place does not any more. */
void waiters_withdraw(uint64_t place);

/* The atom with this address does not wait any more, and is told why. False: it did not. */
bool waiters_unblock(radon_bytes atom, radon_bytes why);

/* The places of all who wait for something to pop (u64 each). */
radon_bytes waiters_places(void);

/* Tells those who wait for the keys that became ready. */
void waiters_wake(void);

/* Tells the first of those who wait for the key and can still hear it; its place. 0: there is nobody. */
uint64_t waiters_call_first(radon_bytes key, uint64_t now);

/* ---- lines.c ---- */

/* Runs one of the commands of redis/lines.h. */
kv_status lines_run(call *c);

/* ---- parameters.c ---- */

kv_status parameters_begin(void);
kv_status parameters_run(call *c);

/* ---- internal.c ---- */

kv_status internal_run(call *c);

/* ---- subscribers.c ---- */

kv_status subscribers_begin(radon_message message);

/* Runs one of the commands of redis/pubsub.h. */
kv_status subscribers_run(call *c);

/* Publishes what the turn has published, unless all was undone. */
void subscribers_publish(void);

/* ---- statistics.c: what nobody relies on ---- */

/* Begins a turn: that of a timer, or a message's. */
void statistics_begin(bool timer);

/* So many entries of a database has this turn left of those that there were. */
void statistics_entries(uint64_t before, uint64_t after);

/* Connections have counted so many more. */
void statistics_told(radon_bytes commands, radon_bytes connections, radon_bytes calls);

const statistics *statistics_now(void);
void statistics_reset(void);

/* ---- counts.c: entries of each database ---- */

kv_status counts_begin(void);
kv_status counts_settle(void);
void counts_finish(void);
uint64_t count_of(uint8_t db);

typedef struct {
    uint64_t entries, expiring;
} tally;

/* Of all databases. */
void counts_now(tally *out);

/* There are no entries any more. */
kv_status counts_wipe(void);

#endif
