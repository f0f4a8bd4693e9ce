/* turn.h - one turn of one atom: its delivery, its overlay and its intents, until it commits or is undone.
 *
 * The syscalls read and write this; the domain carries the intents out if the guest says ok (turns.c). Knows no guest
 * memory and no mailbox. As host/turn.py has it, and host/intents.py.
 */
#ifndef RADON_TURN_H
#define RADON_TURN_H

#include "domain.h"
#include "sha256.h"

/* A received message as a guest holds it: a delivery, and whether the duty to answer is still here. Counted. */
typedef struct Message {
    uint32_t refs;
    Delivery *delivery;
    bool open;
    bool held; /* the turn's list has it */
} Message;

Message *message_new(Delivery *delivery); /* takes its own reference */
void message_unref(Message *m);

typedef enum Act {
    SEND_IT, POSTPONE_IT, ASK_IT, REPLY_IT, SPAWN_IT, STOP_IT, WATCH_IT, UNWATCH_IT, REAP_IT, STORE_IT, PIN_IT
} Act;

/* What the commit carries out. Which fields mean something, `act` says. */
typedef struct Intent {
    Act act;
    Address to;         /* a reference: receiver, target, child */
    Delivery *message;  /* a reference: to be sent, or the question that is answered */
    uint64_t number;    /* token, or when it is due */
    uint8_t id[ID_SIZE];
    Str *body, *metadata; /* args, an object and its name */
} Intent;

typedef struct KeptNow {
    uint64_t token;
    Message *message; /* NULL: taken */
} KeptNow;

typedef struct TimerNow {
    uint64_t token, due;
    bool set; /* false: cancelled */
    uint64_t order; /* of the last call for this token */
} TimerNow;

typedef struct ObjectNow {
    Str *name, *body; /* body NULL: empty */
    int64_t pins;     /* over the object's own count */
    bool pinned;      /* an intent says so */
} ObjectNow;

struct Turn {
    Domain *d;
    Atom *atom;         /* a reference */
    Kind *kind;
    Delivery *delivery; /* a reference */
    uint64_t step;
    uint64_t now;       /* moves only when an awaited answer comes */
    uint64_t deadline;
    Message *message;
    Str *answer_metadata; /* NULL: none */
    Str *inherited; /* by its messages: metadata, once it `inherits`; NULL: none */
    bool inherits;
    Instance *instance; /* that it is in */
    Intent *intents;    /* carried out in order */
    size_t intent_count, intent_room;
    Message **held;     /* whose duty, if still here at the end, is answered with closed */
    size_t held_count, held_room;
    KeptNow *kept;      /* over the atom's, in the order of the first call for each token */
    size_t kept_count, kept_room;
    size_t kept_messages; /* of these: that are not taken */
    Table kept_by;      /* the same by token; items are 1 + their index */
    Table timers;       /* TimerNow by token, over the atom's */
    uint64_t timer_calls;
    int64_t more_timers; /* set by this turn, less those that it cancelled */
    Table objects;      /* ObjectNow by name */
    Str *missing;       /* an object that it wants and another domain may have: it is to begin again; NULL: none */
    uint64_t object_bytes;
    uint64_t sent, asked, spawned, calls;
    bool exits;
    uint32_t exit_status;
    bool open;          /* until it commits or is undone */
    uint64_t spent;     /* of the fuel for syscalls and for the bytes they moved */
    uint64_t kept_bytes; /* that stay with the host */
    uint32_t lines, samples;
    Buffer output[2];   /* lines of a guest with WASI that are not finished: stdout, stderr */
    uint32_t ordinal;
    uint8_t random[SHA256_SIZE];
    size_t random_left; /* of the end of `random` */
    uint64_t blocks;
};

Turn *turn_new(Domain *d, Atom *a, Kind *kind, Delivery *delivery, uint64_t step, uint64_t time);
void turn_free(Turn *t); /* or keeps it as the domain's spare one */
void turn_forget(Turn *t); /* frees the spare one */

void turn_new_id(Turn *t, uint8_t id[ID_SIZE]);
void turn_draw(Turn *t, uint8_t *into, size_t length); /* the next bytes of the turn's stream; charged by the caller */
uint64_t turn_draw_cost(const Turn *t, size_t length);
Intent *turn_intend(Turn *t, Act act);
void turn_hold(Turn *t, Message *m); /* takes its own reference, once */

/* Work of the host, and bytes that stay with it. False: the turn's limit is used up. Then the instance has failed. */
bool turn_is_spent(Turn *t); /* so says the instance; false */
static inline bool turn_spend(Turn *t, uint64_t fuel) {
    t->spent += fuel;
    return t->spent <= t->kind->fuel || turn_is_spent(t);
}
bool turn_keep(Turn *t, uint64_t size);

void turn_log(Turn *t, int level, Slice text);
void domain_log(Turn *t, int level, Slice text); /* beyond all limits: what the domain itself says of the turn */

void turn_flush(Turn *t); /* logs what a guest with WASI printed and did not end: wasi.c */

ObjectNow *turn_object(const Turn *t, Slice name); /* that the turn put, pinned or unpinned; or NULL */
/* An object that this domain does not hold. OK, and the turn is `missing` it: it ends here, to begin again. */
Error fetches_find(Turn *t, Slice name, Slice *body);

/* ---- checks that several syscalls share ---- */

bool turn_has_ended(Turn *t, const Address *address); /* from another domain nothing is known */
Error turn_count_sent(Turn *t);
bool turn_is_recorded(const Turn *t); /* is the suspending syscall that it is at now in its journal? */
bool turn_born(Turn *t, const Address *address); /* false: it begins when this very turn commits */
uint64_t turn_deadline_of(const Turn *t, uint64_t timeout);
Str *turn_metadata(Turn *t); /* what its messages inherit; a reference, or NULL */

/* A message of this turn, named and signed with its sender. NULL: the turn leaves too much. */
Delivery *turn_outgoing(Turn *t, Slice body);

/* ---- suspension: suspensions.c ---- */

typedef void (*Leave)(Turn *t, void *what);

/* Called by the guest's syscall: `leave` sends what is asked; returns when the answer is there, borrowed from the journal.
 * NULL and `*error`: it is refused; NULL and no error: the turn ends here, failed or abandoned. */
const Call *suspend(
    Turn *t, int what, const uint8_t request[ID_SIZE], uint64_t deadline, Slice digest, Leave leave, void *with,
    Error *error);

/* ---- carrying out: turns.c and gate.c ---- */

/* Lets the guest handle the turn's delivery, on this stack or in a fiber. When it returns, the turn has ended or waits. */
void gate_enter(Turn *t);
void turn_returned(Turn *t); /* the guest has: finish or undo */
void turn_undo(Turn *t, Slice cause, Slice text);
void turn_abandon(Turn *t); /* it will run again from its journal */

#endif
