/* wire.h - the Redis protocol as bytes: commands taken off the front of what came in, replies written. Knows nothing of
 * commands, sessions or shards. */
#ifndef WIRE_H
#define WIRE_H

#include "../redis/commands.h"
#include "../redis/replies.h"

/* ---- what clients send ---- */

/* One command; its arguments lie in the input, or in the turn's memory where they had to be unescaped. */
typedef struct {
    radon_bytes *argv;
    size_t argc;
    size_t room; /* of argv, which the next command uses again */
} arguments;

typedef enum {
    WHOLE,   /* a command, perhaps an empty one: argc 0 */
    PARTIAL, /* its end has not come in */
    BROKEN,  /* no command can begin like this */
} wire_result;

/* What a command may have. */
typedef struct {
    size_t most;   /* bytes in an argument */
    size_t total;  /* bytes in a whole command */
    bool stranger; /* not authenticated: little of everything */
} wire_limits;

typedef struct {
    wire_result result;
    size_t need;       /* PARTIAL: so many bytes from its beginning on it has at least */
    radon_bytes fault; /* BROKEN: what Redis says then, without "-ERR Protocol error: " */
} wire_state;

/* Takes the next command off `input`, which stays as it is unless there is a whole one. */
wire_state wire_next(radon_bytes *input, wire_limits limits, arguments *out);

/* The command in the form in which shards take it: its length, number of arguments, each behind its length. */
void wire_pack(radon_buffer *out, const arguments *call);

/* The next of those, off the front. False at the end. */
bool wire_unpack(radon_bytes *packed, arguments *out);

/* ---- replies, beside those of redis/replies.h ---- */

/* "ERR no such thing as", what, "": an error is one line, whatever it speaks of. */
void reply_error_about(replies *to, const char *before, radon_bytes what, const char *after);

/* Text for people: in RESP3 marked as such, else a bulk. */
void reply_verbatim(replies *to, radon_bytes text);

/* ---- replies of shards, to look into ---- */

/* Takes the line of a reply off the front: its type and what stands behind that. False: there is none. */
bool read_line(radon_bytes *reply, uint8_t *type, radon_bytes *text);

/* Takes a bulk off the front. */
bool read_bulk(radon_bytes *reply, radon_bytes *out);

#endif
