/* replica.h - one replica of a shard: its state, its clock, and the log of changes that others have yet to hear of. */
#ifndef REPLICA_H
#define REPLICA_H

#include "cells.h"

#define ENTRY_MAX (192 << 10) /* bytes that one replica puts under a key */

/* What a replica knows of another one. */
typedef struct {
    uint64_t acked;   /* it has all of this one's log up to here */
    uint64_t sent;    /* what it was told last ends here, and is not acknowledged; 0: nothing is under way */
    uint64_t blocked; /* since when, ns since 1970, it can be told no more before others have told it more; or 0 */
    uint64_t asked;   /* whether it is to be told, though there is nothing to tell, so that it says how far it is */
    vector knows;
} peer;

/* Durable, in one piece. */
typedef struct {
    uint64_t end;     /* of the log, when this was written down */
    uint64_t first;   /* that is still in it */
    uint64_t own;     /* stamp of its own last change */
    uint64_t waited;  /* until when the last request that was kept waits */
    uint64_t filling; /* 1 + the replica that it is being filled from; or 0 */
    vector trimmed;   /* newest changes that are not in the log any more though somebody may lack them */
    vector seen;
    vector beats;     /* nothing older than that will come from each, nor be made by this one */
    vector start;     /* what the one that it is filled from had seen at the beginning of it */
    vector target;    /* some of its state is of as late as that: until it has seen all of it, it answers nobody */
    peer peers[KV_REPLICAS];
} replica;

extern replica me;
extern uint32_t self, replicas;
extern bool newest; /* consistency = "eventual" */
extern radon_bucket log, waiting;

/* Before anything else in a turn. */
radon_error replica_begin(void);

/* Writes `me` down; puts follow without. */
radon_error replica_save(void);

/* The stamp of the next change, above all that was seen and above its last beat. */
uint64_t replica_tick(void);

/* The address of a replica of this shard; the number of the one who sent a message, or KV_REPLICAS: none of them. */
radon_error replica_open(uint32_t number, radon_address *out);
uint32_t replica_sender(radon_message message);

kv_status cells_load(radon_bytes key, radon_bytes *cells);
radon_bytes cells_page(const request *given);
radon_error cells_scan(radon_bytes start, radon_option end, uint32_t limit, radon_entry_list *out);
kv_status cells_store(radon_bytes key, radon_bytes cells);

/* One change of a key, of this replica or of another one: some cells are removed, and one may be added. The log has its
 * stamp, the number of removed ones (u32), their stamps, the key behind its length (u32), and what is added. */
typedef struct {
    uint64_t stamp;
    radon_bytes key, removed, added;
} change;

bool change_read(radon_bytes row, change *out);

/* Carries it out and notes it in the log. `now`: the cells of the key, which are not looked at where a register of this
 * replica is the newest for sure. */
kv_status change_apply(const change *it, radon_bytes now);

/* In the log, beside changes: from here on there is what this one has seen without changes, which were as many. */
radon_error log_gap(void);
bool gap_read(radon_bytes row, vector *out);

#define MANY 256 /* rows and entries that are looked at together */

radon_error log_page(uint64_t from, radon_entry_list *out);

/* Forgets of the log what all have acknowledged, and more if it is too long. */
radon_error log_trim(void);

/* Removes for good what is deleted or expired and so old that nothing older can come; the timer rings for the rest. */
radon_error replica_reap(void);

enum { GOSSIP, REAP, GIVE_UP }; /* timers */

#endif
