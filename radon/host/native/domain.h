/* domain.h - a domain: a deterministic state machine that takes inputs, runs turns and gives commits. The native twin.
 *
 * It does what the Python twin does (host/python_domain.py and the modules that it names), record for record; the rules
 * are in docs/semantics.md. One thread at a time; no global state. The files, from the durable state up:
 *
 *     image.h    durable state            turn.h     one turn: its overlay and intents
 *     ledger.c   every change, written down   turns.c    how turns begin, end, fail
 *     routes.c   where messages go            guest.h    one instance: enter it, read and write its memory
 *     lives.c    how they begin and end       gate.h     syscalls: lift, check, lower
 *     inputs.c   what each input does         suspensions.c  turns that wait in the middle
 *     crossings.c  what other domains send    topics.c   the turns of topics
 *     fetches.c  objects that they hold      ahead.h    what the next turns will look up
 */
#ifndef RADON_DOMAIN_H
#define RADON_DOMAIN_H

#include "image.h"
#include "charges.h"
#include "native.h"

typedef struct RadonDomain Domain;
typedef struct Turn Turn;
typedef struct Instance Instance;

/* error-code of radon.wit; answers carry the code + 1, and 0 for none. */
typedef enum Error { OK, DENIED, NOT_FOUND, TOO_LARGE, EXHAUSTED, TIMEOUT, CLOSED, UNAVAILABLE, INVALID } Error;

/* ---- kinds ---- */

typedef enum Spread { KEYED, SHARDED, STATELESS, EVERY_HOST } Spread;
typedef enum Right { OPEN, SPAWN, STOP, PUBLISH, SUBSCRIBE, HTTP } Right;

typedef struct Grant {
    Right right;
    Str *name, *glob; /* NULL: empty */
} Grant;

typedef struct Pairing { /* of a link or of config */
    Str *name, *value; /* value NULL: empty */
} Pairing;

/* A module joined with the host functions; one for all kinds that have it. */
typedef struct Linked Linked;

/* A component: its parts, and where each of their imports comes from. */
typedef struct Assembly Assembly;

/* What the atoms of a kind have done since the domain was opened, whatever was deployed meanwhile. */
typedef struct Tally {
    Str *kind;
    uint64_t turns, failed;
} Tally;

/* Where a key lay in a message of this size; 0: not known. See ahead.h. */
typedef struct KeyPlace {
    uint32_t size, at, length;
} KeyPlace;

enum { KEYS_KNOWN = 16 };

/* One entry of the manifest's kinds, as a domain sees it. */
typedef struct Kind {
    Str *name;
    Spread spread;
    uint32_t shards, replicas;
    uint64_t memory, fuel, outbox, state, message, handles, spawned; /* limits */
    uint32_t attempts;
    uint64_t backoff; /* ns */
    uint8_t handlers; /* bit n: exports the handler of form n */
    bool shared; /* one instance for all of its atoms */
    bool suspends, starts; /* starts: host functions may be called before the instance exists */
    const wasmtime_module_t *module; /* NULL: it is a component */
    Assembly *assembly;
    uint32_t pages; /* of memory at the beginning, of 64 KiB */
    Linked *linked;
    Grant *grants;
    Pairing *links, *config;
    size_t grant_count, link_count, config_count;
    Tally *tally;
    size_t instances;
    Instance *common; /* if it is shared and its instance lives */
    bool gone; /* taken out while the deployment runs */
    KeyPlace keys[KEYS_KNOWN]; /* by size */
} Kind;

/* The kinds of the deployment by name; NULL: there is none. */
Kind *kind_named(const Domain *d, Slice name);
bool kind_allows(const Kind *kind, Right right, Slice name, Slice text);
const Pairing *pairing_named(const Pairing *pairings, size_t count, Slice name);
static inline bool kind_handles(const Kind *kind, Form form) { return kind->handlers >> form & 1; }

/* Is it an endpoint of the deployment, "http:NAME"? */
bool is_endpoint(const Domain *d, const Str *name);

/* ---- the ledger: what happens, written down as it happens ---- */

/* Records of the commit under way that are of one atom, or what may be left out yet: a delivery to it, a question. */
typedef struct Item {
    Atom *atom;         /* a reference; NULL: the domain itself */
    Delivery *delivery; /* a reference: Delivered, written when the commit is taken; NULL: records, or one left out */
    Asked *asked;       /* likewise; its atom's, also when that has ended, until it is answered */
    size_t end;         /* of its records in `durable`, which begin where the item before it ends */
} Item;

/* What leaves for another domain with the commit under way. */
typedef struct Leaving {
    uint32_t domain;
    Buffer crossings, casts;
    uint64_t count; /* of crossings: the last of the outbox */
} Leaving;

typedef struct Ledger {
    Buffer durable; /* records in order, but for deliveries */
    Item *items;
    size_t count, room;
    Buffer outgoing, at_once;
    Buffer taken; /* the durable part of the commit that was taken last */
    uint64_t step;
    uint32_t ordinal; /* of what happens now */
    size_t steps;  /* bytes of this commit's steps */
    bool numbered; /* a turn of this commit has learnt what follows from the number of a step */
    bool elide;
    bool records; /* else commits have no durable part: nobody would keep it */
    Leaving *leaving; /* by number of the domain */
    size_t leaving_count;
} Ledger;

/* Writes a record of the atom (NULL: of the domain), the fields as in put_record. Apply it to the image as well. */
void ledger_note(Domain *d, Atom *a, int tag, ...);
void ledger_leave(Domain *d, int tag, ...);         /* an output leaves when the commit is durable */
void ledger_leave_at_once(Domain *d, int tag, ...); /* durable or not */

/* A crossing leaves for another domain, numbered, when the commit is durable; a cast at once, if at all. */
void ledger_cross(Domain *d, uint32_t domain, bool cast, int tag, ...);
void ledger_cross_again(Domain *d, uint32_t domain); /* all that it has not acknowledged */

void ledger_deliver(Domain *d, Atom *a, Delivery *delivery); /* takes its own reference */
void ledger_consume(Domain *d, Atom *a, Delivery *delivery);
void ledger_ask(Domain *d, Atom *a, const Delivery *question, uint64_t token, uint64_t deadline, const Address *target);
Asked *ledger_answered(Domain *d, Atom *a, const uint8_t *request); /* for image_asked_free; NULL: it awaits no answer */
void ledger_touch(Domain *d, Delivery *delivery); /* a record will refer to it: it cannot be left out */
void ledger_step(Domain *d, uint64_t number, uint32_t suspension); /* what follows belongs to this step */
uint64_t ledger_next_step(Domain *d);
void ledger_new_id(Domain *d, uint8_t id[ID_SIZE]);
void put_id(uint8_t id[ID_SIZE], uint32_t domain, uint64_t step, uint32_t ordinal);
void ledger_take(Domain *d); /* puts the durable part into `taken` */
void ledger_taken(Domain *d); /* outgoing and at_once have been read */
void ledger_free(Domain *d);

/* ---- routes: where messages and answers go, how lives begin and end ---- */

/* OK, an error-code or (of `down`) a status, and what came with it: borrowed, NULL if empty. */
typedef struct Answer {
    uint32_t code;
    Str *metadata, *body;
} Answer;

static inline Answer answer_of(uint32_t code, Slice metadata, Slice body) { /* of copies, for answer_unref */
    return (Answer){code, slice_str(metadata), slice_str(body)};
}
static inline void answer_unref(Answer *answer) { str_unref(answer->metadata), str_unref(answer->body); }

/* Resolves what a name means, in place: shards and near representatives. OK, NOT_FOUND or TOO_LARGE, and then, if `why`
 * is not NULL, the reason in words as a new string. */
Error routes_resolve(Domain *d, Address *address, Str **why);
Atom *routes_living(Domain *d, const Address *address); /* this very life of it, if it is here, or NULL */
void routes_post(Domain *d, const Address *to, Delivery *delivery); /* borrows the delivery, sets its life */
void routes_refuse(Domain *d, const Address *to, Delivery *delivery, Slice cause);
void routes_bury(Domain *d, const Address *to, Delivery *delivery, Slice cause);
void routes_wake(Domain *d, Atom *a); /* into the ready queue, if it has a turn to take */
void routes_unready(Domain *d, Atom *a);
Atom *routes_take_ready(Domain *d); /* borrowed; NULL: nobody is ready */
void routes_answer(Domain *d, const Delivery *question, Answer answer, const Address *answerer);
void routes_tell(Domain *d, const Address *to, const uint8_t *request, Answer answer, const Address *answerer);
void routes_answer_failed(Domain *d, const Delivery *question, Slice cause);
void routes_replied(Domain *d, Asked *asked, Answer answer, const Address *answerer); /* frees it */
void routes_answered(Domain *d, Atom *a, const uint8_t *request, Answer answer, uint64_t value);
void routes_fire(Domain *d, Atom *a, uint64_t token);
void routes_down(Domain *d, Atom *a, uint64_t token, uint32_t status, const Address *sender);
Atom *routes_begin(Domain *d, const Address *address, const Address *parent, const uint8_t *id, Slice args, bool volatile_);
void routes_end(Domain *d, Atom *a, uint32_t status, bool reborn);

/* What happens to atoms wherever they live: here now, or there once it has crossed. See host/routes.py. */
void routes_spawn(Domain *d, const Address *child, const Address *parent, const uint8_t *id, Slice args);
void routes_exited(Domain *d, const Address *parent, const Address *child, uint32_t status);
void routes_stop(Domain *d, const Address *target);
void routes_watch(Domain *d, const Address *target, const Address *watcher, uint64_t token, const uint8_t *request);
void routes_unwatch(Domain *d, const Address *target, const Address *watcher, const uint8_t *request);
void routes_ended(
    Domain *d, const Address *watcher, const Address *target, uint64_t token, const uint8_t *request, uint32_t code,
    uint32_t status);

/* Tokens of those outside who await the answer to a dedup key. */
typedef struct Awaiting {
    Str *key;
    uint64_t *tokens;
    size_t count, room;
} Awaiting;
void routes_await(Domain *d, Slice key, uint64_t token);

/* ---- words ---- */

/* A new string of so many parts, each a Slice. */
Str *say(size_t count, ...);
Slice decimal(char room[24], uint64_t number);
void hex_of(char *text, const uint8_t *bytes, size_t count); /* `text` has room for twice as many, and a NUL */

/* ---- inputs, topics ---- */

void take_in(Domain *d, const Record *input);
Str *fate_of(Domain *d, uint64_t step); /* the cause, the caller's reference then, if the turn is not to be run; or NULL */
uint64_t topic_turn(Domain *d, Atom *topic); /* what it costs, as fuel for syscalls */
void topic_forget(Domain *d, Atom *topic);   /* if nobody is left who would hear of it */
enum { PUBLISHED, SUBSCRIBED, UNSUBSCRIBED }; /* what a message to a topic asks for, in `token` */

/* ---- crossings: what comes from other domains ---- */

bool crossings_fit(Slice crossings, char error[120]); /* false: they are none, and why */
void crossings_arrived(Domain *d, const Record *crossed);
void crossings_acknowledged(Domain *d, const Record *acknowledged);

/* ---- fetches: objects of other domains ---- */

uint64_t fetches_bytes_for(const Domain *d, const Atom *a); /* what its delivery has got so far */
void fetches_want(Turn *t); /* it was abandoned for the object that it is `missing` */
void fetches_ask_again(Domain *d); /* something may be lost */
void fetches_came(Domain *d, const Record *fetched);
void fetches_serve(Domain *d, const Record *fetch); /* for another domain */
void fetches_forget(Domain *d, const Atom *a);      /* its delivery is done with, or its life is over */
void fetches_forget_all(Domain *d);                 /* those that wait begin again */

/* ---- turns and instances ---- */

void domain_take_turn(Domain *d, Atom *a);
void domain_bury(Domain *d, Atom *a, Delivery *delivery, Slice cause);
void domain_drop_instance(Domain *d, Atom *a); /* passivate: a suspended turn runs again when its answer comes */
void domain_drop_instances(Domain *d);
bool says_disconnected(const Atom *a, const Delivery *delivery);

void deployment_free(Domain *d);
Tally *tally_of(const Domain *d, Slice kind); /* NULL: it was never deployed */

/* Joins the modules of kinds with the host functions. False: `d->error` says why. */
bool gate_link(Domain *d, Kind *kinds, size_t count);
void gate_unlink(Domain *d);
void host_free(Domain *d);
void gate_drop(Domain *d, Atom *a);    /* the atom leaves its instance, if it has one, which goes with the last one of it */
void gate_discard(Domain *d, Atom *a); /* frees the instance that it has, if it has one, whoever else has it too */
void gate_drop_all(Domain *d);
bool suspension_resume(Domain *d, Atom *a); /* false: its turn does not wait here */
void suspension_abandon(Domain *d, Atom *a);
void suspension_abandon_all(Domain *d); /* in the order in which they suspended */

/* ---- the domain ---- */

typedef struct Instances {
    Instance *oldest, *newest;
} Instances;

typedef struct Settings {
    Str *host;
    uint64_t instances, suspended, slots, memory, objects, mail, dead, watchers, run, retention, idempotency;
    bool forgetful;
} Settings;

struct RadonDomain {
    Image image;
    Ledger ledger;
    Settings settings;
    wasm_engine_t *engine;
    Kind *kinds;
    size_t kind_count;
    Table tallies; /* Tally, by kind */
    Str **endpoints;
    size_t endpoint_count;
    Linked *linked; /* all of the deployment, in a list */
    struct Host *host; /* the host functions as the engine knows them: gate.c's */
    Atom *ready, *ready_last;
    Table awaiting; /* Awaiting, by dedup key */
    Table fates;    /* Fate, by step */
    Table fetching, requested; /* Fetching, by atom; those that wait, by request */
    uint64_t copied; /* bytes of copies of objects of other domains, or promised to them */
    Instance *running;
    Instances awake;   /* the live ones, least recently entered first */
    Instances waiting; /* those of suspended turns, in the order in which these suspended */
    size_t instance_count; /* of both */
    uint64_t instance_memory; /* bytes, as of each one's last turn */
    Turn *spare_turn; /* one that is over, for the next */
    Spares spares;
    size_t suspended;
    uint64_t suspended_memory;
    Buffer inputs; /* what `run` will take in */
    uint64_t work; /* of the host for the turns of this run, as fuel */
    bool begun;
    Buffer answer; /* what the last look at the domain gave */
    char error[400];
};

bool routes_home(const Domain *d, const Address *address, uint32_t *far);

/* Is it of another domain, and of which? Most applications have one. */
static inline bool routes_elsewhere(const Domain *d, const Address *address, uint32_t *far) {
    return d->image.domains != 1 && routes_home(d, address, far);
}

typedef struct Fate {
    uint64_t step;
    Str *cause;
} Fate;

#endif
