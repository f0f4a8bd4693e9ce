/* shards.h - the shards that a coordinator speaks to: their addresses, what they are asked and told, and which of
 * them have to confirm that they heard.
 */
#ifndef SHARDS_H
#define SHARDS_H

#include "../kv/common.h"
#include "txkv.h"

#define PATIENCE (10 * 1000000000ull) /* ns; a shard that says nothing so long does not take part */

/* Tokens of questions: the number of a transaction and of one of its parts, or what else was asked. */
#define TOKEN(number, part) ((number) << 12 | (part))
enum { PART = 4095, ALONE = 4094, CONFIRM = 4095 };

/* Before anything else in a turn. */
radon_error shards_begin(void);

/* One that was never given out before. */
radon_error next_number(uint64_t *out);

/* A place is a shard as a message names it: the length of its kind (u8), the kind, and which one (u32). Cuts one off;
 * false where there is none. */
bool take_place(radon_bytes *rest, radon_bytes *out);

/* Whether messages to it need not leave the domain. */
bool shard_is_near(radon_bytes place);

/* One that is not near has to answer within PATIENCE, unless it has `for_ever`. */
radon_error shard_ask(radon_bytes place, radon_bytes request, bool for_ever, uint64_t token);

/* Tells a shard the end of the transaction with this number and name. `doubtful`: until it confirms that it heard. */
radon_error shard_tell(radon_bytes place, kv_op op, uint64_t number, radon_bytes name, bool doubtful);

/* When the timer has fired: asks shards about some of what they were told. */
radon_error shards_confirm(void);

/* What came of the question with this number. */
radon_error shards_confirmed(uint64_t number, bool heard);

#endif
