/* gossip.h - how replicas of a shard tell each other what they have seen. docs/kvr.md has the messages. */
#ifndef GOSSIP_H
#define GOSSIP_H

#include "replica.h"

enum { OP_GOSSIP = 48, OP_FILL = 49 };
enum { TOO_FAR_BEHIND = 1 }; /* flag of gossip */

/* Whether this replica lacks so much that its answers would be wrong. */
bool is_filling(void);

/* Before anything else in a turn. */
radon_error gossip_begin(void);

/* At the end of a turn: the timer is set if there is something to tell. */
radon_error gossip_settle(void);

/* It rang. */
radon_error gossip_tell_all(void);

/* What another replica says, and the answer; what it answers. */
radon_bytes gossip_hear(uint32_t from, const request *given);
radon_error gossip_heard(uint32_t by, radon_error error, radon_bytes answer);

/* A part of the state for a replica that lacks too much to be told of changes; and what came. */
radon_bytes fill_give(const request *given);
radon_error fill_take(uint32_t from, radon_error error, radon_bytes answer);

#define FILLS 16 /* tokens of questions: the replica asked, and this for a fill */

#endif
