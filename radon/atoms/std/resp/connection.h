/* connection.h - one connection in one turn: what came in and is not handled, what is to be written, and the commands
 * that are on their way to shards.
 *
 * What comes in is handled command by command, in order. Plain commands gather in a group, whose shards are asked at
 * once; others have the shards to themselves. While shards are asked nothing more is handled: the chunk is kept, and
 * answering it is what lets the next one come. Only while a command waits for what others do the chunk is let go of, and
 * what comes then is put aside, and not looked at, until that is much: so if the peer is gone the gateway tells.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "kv.h"
#include "session.h"

#include "../redis/commands.h"

/* Commands of a group for one shard. */
typedef struct {
    radon_buffer message;
    uint32_t count;
} part;

typedef struct {
    radon_bucket bucket;
    session session;
    bool changed;        /* the session */
    radon_message chunk; /* which is being handled; what is written last answers it. None: it was let go of */
    radon_bytes input;   /* not handled yet; the command at its front, when one is being handled */
    size_t length;       /* of `input` when the turn began */
    radon_bytes body;    /* what came in in this turn, which `input` ends with */
    bool aside;          /* it was stored unseen */
    arguments call;      /* the command being handled */
    int number;          /* in the table of commands; -1: there is none, or it was refused */
    replies out;         /* replies that precede all that are not here yet */
    part *parts;         /* by shard; the group is empty while there are none */
    uint32_t asked;      /* shards that have commands of the group */
    radon_buffer queue;  /* commands of a transaction that are not stored yet, packed */
    radon_buffer slots;  /* whose replies, in order: rounds.h */
    bool mixed;          /* there are other slots than replies of one shard */
    radon_buffer questions; /* of the next round: rounds.h */
    radon_buffer answers; /* of the last round, and what it was to remember */
    radon_bytes record;
    bool waiting;        /* shards are asked: nothing more is handled */
    bool lets_go;        /* that may take for ever: the chunk is not kept */
    bool closing;
} connection;

/* What became of a command. */
typedef enum {
    DONE,
    LATER, /* when those before it are done */
    BEGUN, /* shards are asked; it stays at the front until connection_done */
} verdict;

/* Begins a turn. The chunk is the one that came, or that was kept. */
radon_error connection_begin(connection *self, radon_message chunk);

/* What is there to handle: what was left, and what came in, or nothing. */
void connection_take(connection *self, radon_bytes body);

/* Puts what came in while the chunk before it is not handled yet, but was let go of, behind that. */
void connection_defer(connection *self, radon_bytes body);

/* Handles commands until there are no more, or shards are asked. */
void connection_advance(connection *self);

/* Writes what is to be written, and what has to last. */
radon_error connection_end(connection *self);

/* Bytes of a reply, in the place that it has among the others. */
void connection_emit(connection *self, radon_bytes reply);

/* The same, for what CLIENT REPLY does not silence. */
void connection_push(connection *self, radon_bytes bytes);

/* Parses the command at the front anew, in a later turn than it began in. */
void connection_reread(connection *self);

/* The command at the front is done, with this reply. */
void connection_done(connection *self, radon_bytes reply);

/* State is used up: an error, and the end. */
void connection_check(connection *self, radon_error error);

/* Who is to read what is written. False: nobody is known. */
bool connection_peer(const connection *self, radon_address *out);

/* Remembers that, for turns that have no chunk. */
void connection_know_peer(connection *self);

/* Writes to the peer, now. */
void connection_write(radon_address peer, radon_bytes bytes);

/* Replies in this connection's protocol. */
static inline replies connection_replies(const connection *self) {
    return (replies){.resp = self->session.protocol};
}

/* Handles the command in `call`: commands.c. */
verdict run_command(connection *self);

/* Handles one that the connection answers itself: local.c. */
verdict run_local(connection *self, int number);

#define CHUNK_TOKEN 1 /* under which the chunk is kept */

#endif
