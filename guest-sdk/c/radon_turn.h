/* radon_turn.h - the memory of a turn and its outcome.
 *
 * Whatever a turn allocates, and whatever the host hands in (bodies, answers, values), lies in one arena, which the next
 * turn begins with empty. Globals live until the instance goes, which may be after any turn:
 * use them as a cache. What must last belongs into a bucket.
 */
#ifndef RADON_TURN_H
#define RADON_TURN_H

#include "radon_bytes.h"

/* Uninitialised memory until the turn ends, aligned for any type. Traps, which fails the turn, when the kind's memory
 * limit is reached. */
void *radon_alloc(size_t size);

/* `old`, which has `old_size` bytes, made `size` bytes long: in place where it was the last allocation, else copied. */
void *radon_realloc(void *old, size_t old_size, size_t size);

/* Bytes of the turn's memory that are in use. */
size_t radon_turn_used(void);

/* Makes it so many again: what was allocated since then is no more. For what takes a great many steps in one turn. */
void radon_turn_release(size_t used);

/* What a handler returns; its layout is that of a `result<_, string>`. */
typedef struct {
    bool failed;
    radon_bytes why;
} radon_outcome;

/* The turn is good: it commits. */
#define RADON_DONE ((radon_outcome){0})

/* The turn is undone, and tried again by the kind's policy. `why` is UTF-8 text for the log and the dead letters. */
static inline radon_outcome radon_fail_with(radon_bytes why) { return (radon_outcome){true, why}; }
static inline radon_outcome radon_fail(const char *why) { return radon_fail_with(radon_text(why)); }

radon_outcome radon_fail_because(const char *what, const char *why); /* "what: why" */

/* In a handler: fails the turn with the error's name unless `call`, a syscall, answers RADON_OK. */
#define RADON_TRY(call)                                                         \
    do {                                                                        \
        radon_error radon_try_error = (call);                                   \
        if (radon_try_error != RADON_OK)                                        \
            return radon_fail_because(#call, radon_error_name(radon_try_error)); \
    } while (0)

/* ---- called by the code that the handler macros write, not by a guest ---- */

/* Puts the outcome where the host reads it; the turn is over. */
const radon_outcome *radon_settle(radon_outcome outcome);

/* What is in the arena stays until something is allocated: the host reads the outcome first. So no `cabi_post` is needed,
 * which would enter the guest once more in each turn. */
void radon_turn_over(void);

#endif
