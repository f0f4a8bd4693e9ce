/* image.h - the durable state of a domain, and what each record of a commit does to it, as host/image.py has it.
 *
 * The functions that change it are named for the records. A live domain calls them through the ledger, which writes the
 * record as well; one that is restored through `image_load`. Knows no guest, no module and no clock.
 */
#ifndef RADON_IMAGE_H
#define RADON_IMAGE_H

#include "alarms.h"
#include "codec.h"
#include "mailbox.h"
#include "state.h"

/* ---- atoms ---- */

/* Somebody that an atom remembers: a watcher, an ended child, a subscriber. */
typedef struct Peer {
    struct Peer *next, *prev;
    Address address;
    uint64_t token; /* of a watcher; else 0 */
    uint8_t request[ID_SIZE];
    uint32_t status; /* of a child */
} Peer;

/* Peers in the order in which they came. All zero is empty. */
typedef struct Peers {
    Table table;
    Peer *first, *last;
} Peers;

Peer *peers_find(const Peers *peers, uint64_t token, const uint8_t *request, const Address *address);

typedef struct Timer {
    uint64_t token, due;
} Timer;

typedef struct Kept {
    uint64_t token;
    Delivery *message;
} Kept;

/* A question whose answer is out. Its deadline becomes an alarm when somebody asks what falls due next: most are answered
 * before. Until then it is in the image's list. */
typedef struct Asked {
    uint8_t id[ID_SIZE];
    uint64_t token, deadline;
    Address target;
    struct Atom *atom; /* that asked */
    struct Asked *next, *prev;
    bool listed;
    uint32_t place; /* 1 + the item of the commit under way that has it, while it may be left out; else 0: the ledger's */
} Asked;

/* In the order in which they were asked. */
typedef struct Questions {
    Asked *first, *last;
    Asked *spare; /* no questions: memory for the next */
    size_t spares;
} Questions;

/* What a suspended turn asked, and what it was told. */
typedef struct Call {
    uint8_t request[ID_SIZE];
    uint64_t deadline;
    int what; /* CALL, WAIT or SLEEP */
    Str *digest;
    bool answered;
    uint64_t time, value;
    uint32_t code;
    Str *metadata, *body;
} Call;

enum { CALL, WAIT, SLEEP };

/* A turn that suspended: where it runs again from (rule 8). */
typedef struct Journal {
    uint8_t id[ID_SIZE];
    uint32_t attempt;
    uint64_t step, time;
    Call *calls;
    size_t count, room;
} Journal;

/* The call whose answer is still out, or NULL: only the last one can be. */
Call *journal_awaited(const Journal *journal);

typedef struct Bucket {
    Str *name;
    Map entries; /* never empty */
} Bucket;

/* What stood under a key before the turn that wrote to it, and what stands there now. */
typedef struct Undo {
    Str *bucket, *key, *old, *new; /* NULL: nothing */
} Undo;

/* State of an atom; the entries show the writes of the running turn already. */
typedef struct State {
    Bucket *buckets; /* by name */
    uint32_t count, room;
    uint32_t last;  /* the index of the one that was found last; it may have gone */
    uint32_t large; /* of the large one that a key was looked up in last, likewise */
    uint64_t used; /* bytes, as the quota counts them */
    Undo *undo;    /* in the order of the first write */
    size_t undos, undo_room;
    Table written; /* the first of them by bucket and key, if there are many; items are 1 + their index */
} State;

/* What few atoms have. */
typedef struct More {
    Address parent;
    Table timers, kept, asked;
    Peers watchers, children, subscribers;
    Journal *journal;
} More;

struct Seat;

/* Counted by the image and by commits under way that speak of it. There are millions: malloc gives blocks of 120 bytes, and
 * the next larger ones have 136. */
typedef struct Atom {
    uint32_t refs;
    bool volatile_; /* a connection's: nothing about it is recorded */
    bool ready;     /* it is in the queue */
    bool suspended; /* its turn waits, in its instance */
    bool fetching;  /* its turn waits for an object of another domain */
    Str *kind, *key;
    uint64_t life; /* 0: not alive, or a system address */
    Mailbox mailbox;
    State *state; /* NULL: none was ever written */
    More *more;   /* NULL: nothing of it */
    struct Atom *next, *prev; /* in the ready queue */
    struct Seat *seat; /* its place in an instance; NULL: it has none */
} Atom;

_Static_assert(sizeof(Atom) <= 120, "an atom fits");

static inline Address atom_address(const Atom *a) { return (Address){a->kind, a->key, a->life}; } /* borrowed */
More *atom_more(Atom *a);  /* made if need be */
static inline Journal *atom_journal(const Atom *a) { return a->more ? a->more->journal : NULL; }
void atom_drop_journal(Atom *a);
void atom_unref(Atom *a); /* NULL is fine */

/* Set or (NULL) remove an entry and keep `used` true; answers the old value with a reference. */
Str *atom_write(Atom *a, Str *bucket, Str *key, Str *value);
Str *atom_read(const Atom *a, const Str *bucket, Slice key); /* borrowed; NULL: none */
Str **atom_find(const Atom *a, const Str *bucket, Slice key, Str **own); /* where it is, until the next write; see map_find */
Str *atom_exchange(Atom *a, Str **found, Str *value); /* as atom_write, of an entry that was found; not NULL */
Bucket *atom_bucket(const Atom *a, const Str *name);
void atom_roll_back(Atom *a); /* undo the writes of the running turn */
void atom_forget_undo(Atom *a);
/* After the turn wrote `new` in place of `old`, whose reference was the map's and is the caller's now. */
void atom_remember(Atom *a, Str *bucket, Str *key, Str *old, Str *new);

Timer *atom_timer(const Atom *a, uint64_t token);
Kept *atom_kept(const Atom *a, uint64_t token);
Asked *atom_asked(const Atom *a, const uint8_t *id);

/* ---- the domain's own ---- */

typedef struct Object {
    Str *name, *body; /* body NULL: empty */
    uint64_t expires;
    uint32_t pins;
} Object;

typedef struct Once {
    Str *key;
    uint64_t expires;
    bool settled;
    uint32_t code;
    Str *metadata, *body;
} Once;

typedef struct Postponed {
    uint64_t due;
    Address to;
    Delivery *delivery;
} Postponed;

/* Another domain of the application, as this one knows it. */
typedef struct Neighbour {
    uint32_t domain;
    uint64_t heard; /* the number of the last crossing that came from there */
    uint64_t gone;  /* of the last one for it that it has acknowledged; those after that are in the outbox: */
    Str **outbox;   /* `count` of them, of which `from` is the first */
    size_t from, count, room;
} Neighbour;

/* The number of the last crossing that ever was in its outbox. */
static inline uint64_t last_left(const Neighbour *n) { return n ? n->gone + n->count : 0; }

typedef struct Image {
    uint32_t domain, domains; /* which of how many */
    uint8_t seed[32], secret[32];
    uint64_t step, time;
    Str *digest;
    Table atoms, postponed, objects, seen;
    uint64_t object_bytes, mail_bytes, dead_bytes;
    Map dead; /* Died records, by id */
    Alarms alarms;
    Questions unheard; /* of which there is no alarm yet */
    Atom *at; /* of which the log speaks that is being loaded; NULL: the domain */
    Atom *found[64]; /* lately, by `found_at` of image.c */
    Neighbour *neighbours; /* by number */
    size_t neighbour_count;
} Image;

Atom *image_find(Image *image, const Str *kind, const Str *key); /* borrowed, or NULL */
Atom *image_atom(Image *image, Str *kind, Str *key);             /* made if need be */
Postponed *image_postponed_by(const Image *image, const uint8_t *id);
Object *image_object(const Image *image, Slice name);
Once *image_once(const Image *image, Slice key);
Neighbour *image_neighbour(const Image *image, uint32_t domain); /* NULL: nothing came from there, or left for it */

/* Of a mailbox's or dead letter's room. */
uint64_t weight(const Delivery *d);

bool image_awaits(void *image, const Alarm *alarm);

/* ns since 1970 of the earliest alarm, which may be void. False: there is none. */
bool image_next_due(Image *image, uint64_t *due);

/* The earliest alarm that is due and still means something, for `alarm_free`. False: there is none. */
bool image_ring(Image *image, Alarm *alarm);

/* Applies the records of a snapshot or log. NULL, or why not: then the image is of no use. */
const char *image_load(Image *image, Slice body, char error[200]);

/* Appends the snapshot: records that make an equal image, the same for equal images. */
void image_records(Image *image, Buffer *records);

void put_asked(Buffer *records, const Asked *asked);

/* Appends a Put for each committed entry of the atom, in order of bucket and key. */
void atom_entries(const Atom *a, Buffer *records);

void image_clear(Image *image);
void image_clear_neighbours(Image *image);
void image_clear_questions(Image *image);

/* ---- what each record does; `a` is the atom it is about ---- */

void image_step(Image *image, uint64_t number, uint64_t time);
void image_setup(Image *image, uint32_t domain, uint32_t domains, const uint8_t *seed, const uint8_t *secret);
void image_deployed(Image *image, Slice digest);
void image_born(Image *image, Atom *a, uint64_t life, const Address *parent);
void image_ended(Image *image, Atom *a);
void image_delivered(Image *image, Atom *a, Delivery *d); /* takes its own reference */
void image_consumed(Image *image, Atom *a, Delivery *d);
void image_attempted(Image *image, Atom *a, Delivery *d, uint32_t attempt, uint64_t due);
void image_retried(Image *image, Atom *a, Delivery *d);
void image_timer_set(Image *image, Atom *a, uint64_t token, uint64_t due);
void image_timer_gone(Image *image, Atom *a, uint64_t token);
void image_postponed(Image *image, uint64_t due, const Address *to, Delivery *d);
void image_postponed_gone(Image *image, const uint8_t *id);
void image_kept(Image *image, Atom *a, uint64_t token, Delivery *message);
void image_kept_gone(Image *image, Atom *a, uint64_t token);
Asked *image_asked(Image *image, Atom *a, const uint8_t *id, uint64_t token, uint64_t deadline, const Address *target); /* a new one */
void image_asked_gone(Image *image, Atom *a, const uint8_t *id);
Asked *image_asked_taken(Image *image, Atom *a, const uint8_t *id); /* for image_asked_free; NULL: nobody asked */
void image_asked_free(Image *image, Asked *asked);
void image_forget_questions(Image *image, Atom *a); /* their deadlines: the atom has ended */
void image_watched(Image *image, Atom *a, uint64_t token, const uint8_t *request, const Address *watcher);
void image_watched_gone(Image *image, Atom *a, uint64_t token, const uint8_t *request, const Address *watcher);
void image_child_ended(Image *image, Atom *a, uint32_t status, const Address *child);
void image_child_gone(Image *image, Atom *a, const Address *child);
void image_suspended(Image *image, Atom *a, const uint8_t *id, uint32_t attempt, uint64_t step, uint64_t time);
void image_called(Image *image, Atom *a, const uint8_t *request, uint64_t deadline, int what, Slice digest);
void image_answered(
    Image *image, Atom *a, const uint8_t *request, uint64_t time, uint32_t code, uint64_t value, Slice metadata,
    Slice body);
void image_subscribed(Image *image, Atom *a, const Address *subscriber);
void image_unsubscribed(Image *image, Atom *a, const Address *subscriber);
void image_stored(Image *image, uint64_t expires, uint32_t pins, Slice name, Slice body);
void image_pinned(Image *image, uint64_t expires, uint32_t pins, Slice name);
void image_collected(Image *image, Slice name);
void image_died(Image *image, const uint8_t *id, Slice record); /* a whole Died record */
void image_died_gone(Image *image, const uint8_t *id);
void image_seen(Image *image, uint64_t expires, Slice key);
void image_settled(Image *image, uint32_t code, Slice key, Slice metadata, Slice body);
void image_seen_gone(Image *image, Slice key);
void image_left(Image *image, uint32_t domain, Slice crossing); /* its number follows the last */
void image_left_gone(Image *image, uint32_t domain, uint64_t number);
void image_arrived(Image *image, uint32_t domain, uint64_t number);

#endif
