/* zsets.h - sorted sets, which lie in two orders and perhaps a third thing beside them:
 *
 *     'm', hash, member (members.h)   its score (f64)
 *     's', place                      nothing
 *     'b', place                      how many places (u64) lie from this one up to that of the next 'b'; so 'c' and 'd'
 *
 * A place is the score, made so that its bytes sort as scores do (8 bytes), and the member. -0 becomes 0. Blocks of
 * places exist once there are so many that counting them one by one would take long.
 */
#ifndef ZSETS_H
#define ZSETS_H

#include "algebra.h"

/* ---- scores ---- */

#define PLACE_HEAD 9 /* bytes of the name of a place before the member */

/* A number that is in the order of scores; 0 and -0 are the same. */
uint64_t score_order(double score);

/* As Redis reads and writes them. */
bool read_score(radon_bytes text, double *out);
radon_bytes format_score(double score);
void reply_score(replies *to, double score);

/* "ERR value is not a valid float", or `error` where there is one. */
kv_status call_score(call *c, size_t index, double *out, const char *error);

/* A member and its score: in RESP3 they are a pair. */
void reply_scored(replies *to, scored it);

/* So many of them follow. */
void reply_scored_array(replies *to, size_t count);

/* ---- members ---- */

/* Takes what lies under the name of a place. */
scored scored_of(radon_bytes name);

/* Whether Redis would keep it in one piece. */
bool zset_is_small(const collection *zset);

kv_status zset_find(const collection *zset, radon_bytes member, bool *some, double *score);

/* `old`: the score that it has, or NULL. */
kv_status zset_put(collection *zset, scored it, const double *old);
kv_status zset_remove(collection *zset, scored it);

/* Replaces what is at the key, and replies how many they are. */
kv_status zset_store(call *c, radon_bytes key, const results *them);

kv_status command_zadd(call *c);

/* ---- ranks (zsets_ranks.c) ---- */

#define ZSET_FLAGS 1 /* bits of `extra` that are not theirs */

/* The name of the place of a member, or of what `kind` keeps for that place. */
radon_bytes place_name(uint8_t kind, scored it);

/* How many places lie before this name. */
kv_status rank_of(const collection *zset, radon_bytes name, uint64_t *out);

/* The name of the place that so many lie before; there is one. */
kv_status rank_seek(const collection *zset, uint64_t rank, radon_bytes *out);

/* Called when the place of this name is there, and when it is there no longer. */
kv_status rank_added(collection *zset, radon_bytes name);
kv_status rank_removed(collection *zset, radon_bytes name);

#endif
