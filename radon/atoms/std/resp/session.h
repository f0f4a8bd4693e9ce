/* session.h - what lasts of a connection from one turn to the next. All connections share one memory, so it is state.
 *
 * One bucket has it all; the first byte of a key tells what it is:
 *
 *     s             the session below; not there: as it began
 *     @             the address of the peer, as text
 *     d             the same, sealed, once something may have to be written that answers no chunk
 *     i + number    a piece of what came in and is not handled
 *     m + number    a piece of the transaction that is queued, as shards take commands
 *     w + db + key  a watched key: its version (u64)
 *     c, p + name   a subscription to a channel, to a pattern
 *     r, n, a, g, q a round that is under way (rounds.h)
 */
#ifndef SESSION_H
#define SESSION_H

#include "settings.h"

enum {
    AUTHENTICATED = 1,
    IN_MULTI = 2,
    MULTI_BROKEN = 4, /* a command of it could not be queued: EXEC will refuse */
    PEER_KNOWN = 8,   /* it is in state, and publications may come, even if all is unsubscribed */
    REPLY_OFF = 16,   /* CLIENT REPLY OFF */
    REPLY_SKIP = 32,  /* no reply to this command */
    SKIP_NEXT = 64,   /* nor to the next one */
    LET_GO = 128,     /* the chunk that is being handled is answered already */
};

#define NAMES 3 /* CLIENT SETNAME, SETINFO lib-name, lib-ver */

typedef struct {
    uint8_t protocol, db;
    uint16_t flags;
    uint32_t pieces;   /* of input that are stored */
    uint32_t have;     /* bytes in them */
    uint32_t begin;    /* so many of the first were handled */
    uint32_t need;     /* bytes that the command at the front has at least */
    uint32_t queued;   /* commands in the transaction */
    uint32_t queue;    /* pieces of it that are stored */
    uint32_t size;     /* bytes of it */
    uint32_t watched, channels, patterns;
    uint32_t attempts; /* of the command at the front, where shards refused it for now */
    uint64_t since;    /* when the first of them was; 0: there was none */
    uint64_t line;     /* it is in line for the key with this hash (line.c); 0: it is in none */
    uint64_t place;    /* there */
    radon_bytes names[NAMES];
} session;

/* Key in the bucket: its letter, and what follows. */
radon_bytes session_key(char letter, radon_bytes rest);
radon_bytes session_number_key(char letter, uint32_t number);

radon_error session_load(radon_bucket bucket, session *out);
radon_error session_store(radon_bucket bucket, const session *it);

/* All pieces under `letter`, from 0 up to `count`, one behind the other; and away with them. */
radon_error session_join(radon_bucket bucket, char letter, uint32_t count, radon_bytes *out);
radon_error session_forget(radon_bucket bucket, char letter);

static inline bool subscribed(const session *it) { return it->channels + it->patterns > 0; }

#endif
