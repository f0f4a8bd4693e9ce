/* rounds.h - asking shards, and putting their answers together.
 *
 * A group is plain commands, each of one shard: one COMMAND for each shard, and slots that tell in which order the
 * replies belong. A gathering is one question to each of some shards, of which the kind of the round makes what it likes
 * when all answers are there. In state, unless one shard has been asked and nothing else is to be remembered:
 *
 *     r            what the round remembers
 *     n            how many answers have not come (s64)
 *     a + shard    an answer that has
 *     g            of a group, what these three are (groups.c)
 *     q + shard    commands of a group that the shard refused for now
 */
#ifndef ROUNDS_H
#define ROUNDS_H

#include "connection.h"

/* What a question belongs to; the first byte of its token. */
typedef enum {
    ROUND_DIRECT = 1, /* a group that is nothing but commands of one shard */
    ROUND_GROUP,
    ROUND_SHARDS,     /* how many there are */
    ROUND_EVERYWHERE, /* everywhere.c */
    ROUND_WATCH,      /* multi.c */
    ROUND_EXEC,
    ROUND_PUBLISH,
    ROUND_FETCH,      /* across.c, one after the other */
    ROUND_PEEK,
    ROUND_CHECK,
    ROUND_COMMIT,
    ROUND_BLOCK,      /* blocking.c */
    ROUND_TRY,
    ROUND_WAIT,
    ROUND_SUBSCRIBE,  /* pubsub.c */
    ROUND_LINE,       /* line.c */
    ROUNDS,
} round_kind;

#define ASK_TIMEOUT (UINT64_C(60) * 1000000000) /* ns; a shard that does not answer */
#define PATIENCE (UINT64_C(20) * 1000000000)    /* ns; with what others have locked */
#define COUNT_MAX 0xffffff

/* kind (u8), flags (u8), shard (u16), what the kind likes (u32): of a group how many commands, of a gathering how many
 * shards there are, because another instance may be the one that hears the answer. */
typedef struct {
    round_kind kind;
    uint8_t flags;
    uint16_t shard;
    uint32_t count;
} token;

enum {
    MORE = 1,  /* behind this group there is more to do */
    AGAIN = 2, /* there is a `q` of this shard */
    ALONE = 4, /* no other shard was asked */
    RECORD = 8,
};

static inline uint64_t token_pack(token it) {
    return (uint64_t)it.kind << 56 | (uint64_t)it.flags << 48 | (uint64_t)it.shard << 32 | it.count;
}

static inline token token_unpack(uint64_t token_) {
    return (token){(round_kind)(token_ >> 56), (uint8_t)(token_ >> 48), (uint16_t)(token_ >> 32), (uint32_t)token_};
}

/* ---- groups ---- */

/* Adds the command in `call`. False: the group is full. */
bool group_add(connection *self, uint32_t shard);
void group_add_reply(connection *self, radon_bytes reply);

/* Asks the shards. `more`: more input can be handled when they have answered. */
void group_send(connection *self, bool more);

/* The answer to a part of a group, if it takes no look at the connection: it waits for those to other parts, or is the
 * end of all that there is to do. False: it has to be handled as any other. */
bool group_finish(token it, radon_error error, radon_bytes body);

void group_answered(connection *self, token it, radon_error error, radon_bytes body);

/* The pause of a shard's commands is over. */
void group_again(connection *self, uint32_t shard);

/* ---- gatherings ---- */

/* The head of a COMMAND; its commands follow, packed; then finish. */
void command_begin(const connection *self, radon_buffer *message, uint8_t flags, uint64_t seq);
radon_bytes command_finish(radon_buffer *message);

/* The command in `call` as a COMMAND of its own. */
radon_bytes command_of(const connection *self, uint8_t flags, uint64_t seq);

enum { COMMAND_BLOCK = 1, COMMAND_PEEK = 2, COMMAND_FOREIGN = 4 };

/* A question of the next round: one to each shard. */
void ask(connection *self, uint32_t shard, radon_bytes message);

/* Asks them. `record` is what the round knows when the answers are there. False: they cannot be asked, and the command
 * is done with an error. */
bool gather(connection *self, round_kind kind, radon_bytes record);
bool gather_within(connection *self, round_kind kind, radon_bytes record, uint64_t timeout);

/* One question, with an answer that is handled alone. */
radon_error ask_alone(token it, radon_bytes message, uint64_t timeout);

/* An answer came. True when it was the last of its round; then `record` of the connection is there, and these are. */
bool gather_take(connection *self, token it, radon_error error, radon_bytes body);

/* What a shard answered. Where it did not, one of these is the status. */
kv_answer gathered(const connection *self, uint32_t shard);

/* Of a round of one shard. */
kv_answer gathered_only(const connection *self);

/* The first answer that is not KV_OK, if there is one. */
kv_answer gathered_worst(const connection *self);

enum { STATUS_TIMEOUT = 254, STATUS_FAILED = 255 };

/* What an answer is, also one that did not come. */
kv_answer understand(radon_error error, radon_bytes body);

/* ---- commands that were refused ---- */

/* The reply to a command that a shard did not carry out. */
radon_bytes refusal(const connection *self, kv_answer answer);

/* The command at the front waits a little and is tried anew. False: that has gone on for too long. */
bool try_again(connection *self);

/* How long to wait after so many attempts, in ns; 0: no more. */
uint64_t pause_after(uint32_t attempts, uint64_t since);

/* In the upper half of a timer's token; of a group the shard is in the lower one. */
enum { TIMER_COMMAND = 1, TIMER_GROUP = 2, TIMER_BLOCK = 3 };

#endif
