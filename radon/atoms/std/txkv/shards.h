/* shards.h - the shards that a coordinator speaks to: their addresses, what they are asked, and which of them were told the
 * end of a transaction and may not have heard.
 */
#ifndef SHARDS_H
#define SHARDS_H

#include "txkv.h"

#define PATIENCE (10 * 1000000000ull) /* ns; a shard that says nothing so long does not take part */

/* Tokens of questions: the number of a transaction and of one of its parts, or what else was asked. */
#define TOKEN(number, part) ((number) << 12 | (part))
enum { PART = 4095, ALONE = 4094, CONFIRM = 4095 };

/* Before anything else in a turn of a new instance. */
radon_error shards_open(void);

/* One that was never given out before. */
radon_error next_number(uint64_t *out);
radon_bytes number_key(uint64_t number);

radon_error is_empty(radon_bucket bucket, bool *out);

/* A place is a shard as a message names it: the length of its kind (u8), the kind, and which one (u32). Cuts one off. */
bool take_place(radon_bytes *rest, radon_bytes *out);

radon_error shard_ask(radon_bytes place, radon_bytes request, uint64_t timeout, uint64_t token);

/* Tells a shard the end of the transaction with this number and name. */
radon_error shard_tell(radon_bytes place, kv_op op, uint64_t number, radon_bytes name);

/* Whether all have heard what they were told. */
radon_error shards_heard(bool *out);

/* Whether there is much that was told since they were last asked. */
bool shards_to_confirm(void);

/* Asks about some of what was told, going on where it ended the last time; whether there is more behind them. */
bool shards_confirm(void);

/* What came of the question with this number. */
radon_error shards_confirmed(uint64_t number, bool heard);

#endif
