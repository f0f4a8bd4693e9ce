/* call.h - what the commands of a keyspace are written with.
 *
 * A command is a function `command_NAME(call *c)` that stands in ../redis/commands.def. It writes its reply to c->to
 * and answers KV_OK. Where it answers anything else it is undone as if it had never run: FAILED after call_fail, which
 * has written the error; KV_EXHAUSTED, KV_TOO_LARGE, KV_LOCKED as it got them from what it called. So a command gives up
 * with TRY wherever it is, and leaves nothing half done.
 */
#ifndef CALL_H
#define CALL_H

#include "../kv/types.h"
#include "../redis/commands.h"
#include "../redis/replies.h"

#define DATABASES 16
#define DATABASE_OF_LINES 0xff /* of no entries: who waits for such a key waits in line (lines.c) */
#define RANDOM_MOST (1 << 20) /* elements that are picked at random, where they may repeat */
#define READ_MOST (UINT64_C(512) << 20) /* bytes of a string beyond which Redis has no bits, also of one that has fewer */
#define FAILED KV_INVALID /* of a command: its reply is an error */

/* The tags of entries. */
typedef enum { TYPE_STRING, TYPE_LIST, TYPE_HASH, TYPE_SET, TYPE_ZSET, TYPES } type;

typedef struct {
    replies *to;
    const command *is;
    radon_bytes *argv; /* the name is argv[0] */
    size_t argc;
    size_t begin;      /* where the reply begins */
    uint8_t db;
    uint64_t place;    /* in queues, which the connection chose; 0: none */
    bool may_wait;     /* a command that finds nothing to pop may wait for it */
    bool alone;        /* it is the only command of its message, and so will not be undone with others */
    bool peeks;        /* all that is done here will be undone */
    bool waits;        /* it does: for the keys argv[wait_first] ... argv[wait_last] */
    size_t wait_first, wait_last;
} call;

/* ms since 1970 */
static inline int64_t call_now(void) { return (int64_t)(radon_clock_now() / 1000000); }

/* ---- errors ---- */

/* Writes an error instead of whatever was written so far. Answers FAILED. */
kv_status call_fail(call *c, const char *error);
kv_status call_fail_about(call *c, const char *before, radon_bytes what, const char *behind);
kv_status call_fail_arity(call *c);
kv_status call_fail_syntax(call *c);
kv_status call_fail_wrong_type(call *c);

/* ---- arguments ---- */

/* The key of an entry: the argument behind its database. */
radon_bytes call_key(call *c, size_t index);

/* The same key in another database. */
radon_bytes key_in(uint8_t db, radon_bytes key);

/* The user's key, without its database. */
static inline radon_bytes key_name(radon_bytes key) { return (radon_bytes){key.data + 1, key.len - 1}; }

/* "ERR value is not an integer or out of range", or `error` where there is one. */
kv_status call_integer(call *c, size_t index, int64_t *out);
kv_status call_integer_or(call *c, size_t index, int64_t *out, const char *error);

/* One in this range; `error` may be NULL, and then the error is Redis' usual one. */
kv_status call_integer_in(call *c, size_t index, int64_t least, int64_t most, int64_t *out, const char *error);

/* How many: 0 and above, and any other argument is "out of range". */
kv_status call_count(call *c, size_t index, int64_t *out);

static inline bool call_is(const call *c, size_t index, const char *word) { return is_word(c->argv[index], word); }

/* ---- entries ---- */

/* A command that only reads has looked for an entry: INFO tells how often there was one. */
void statistics_lookup(bool found);

/* What lies under a key; LOCKED where a transaction has it. */
kv_status key_load(call *c, radon_bytes key, entry *out);

/* The same; WRONGTYPE where there is an entry of another type. */
kv_status key_load_typed(call *c, radon_bytes key, type type, entry *out);

/* Room for a string of `size` bytes that string_store takes without copying it. */
uint8_t *string_room(size_t size);
kv_status string_store(radon_bytes key, uint8_t *value, size_t size, uint64_t expiry, const entry *old);

/* Says that waiters for this key may go on. Whoever adds to a list or a sorted set by collection_close need not. */
void key_is_ready(radon_bytes key);

/* There is nothing to pop in the keys argv[first] ... argv[last]: waits for one, or does nothing where that cannot be.
 * The caller then answers what a timeout is answered. */
void call_wait(call *c, size_t first, size_t last);

/* The argument as a timeout in seconds, which is the connection's to keep: whether it is one. */
kv_status call_timeout(call *c, size_t index);

/* The argument is how many keys follow, behind which there is at least one argument more; `last`: that of the last. */
kv_status call_numbered_keys(call *c, size_t index, size_t *last);

/* "COUNT n" or nothing at the end of LMPOP and its like. */
kv_status call_pop_count(call *c, size_t index, int64_t *count);

#endif
