/* mailbox.h - what an atom may handle next, and who waits behind a retry (rule 7), as host/mailbox.py has it.
 *
 * Deliveries in order of arrival; per pair none overtakes one that waits for its retry. A `start` that waits holds back
 * everything. Knows nothing of turns or time: it is told when a delivery was consumed, failed, or may be tried again.
 * A mailbox has one reference to each of its deliveries, and is their list: a delivery is in one at a time.
 */
#ifndef RADON_MAILBOX_H
#define RADON_MAILBOX_H

#include "delivery.h"
#include "table.h"

typedef struct Queue {
    Delivery *first, *last;
    size_t count;
} Queue;

/* Deliveries of one sender to this atom, in a mailbox in which any wait. */
typedef struct Pair {
    uint64_t hash;
    int class;           /* what makes them a pair: see mailbox.c */
    Str *a, *b;          /* its names; NULL: empty */
    uint8_t id[ID_SIZE]; /* of a delivery that is alone */
    size_t ready;        /* how many of it are ready */
    bool holds;          /* one of it failed: the rest is in `queue`, in order */
    bool stays;          /* it holds without casts, too: mailbox_list's */
    Queue queue;
    struct Pair *next, *prev; /* those that hold, in the order in which they began to */
} Pair;

/* All pairs, while any holds. */
typedef struct Held {
    Table pairs;
    Table waiting; /* deliveries that wait for their retry, by id */
    Pair *first, *last;
    size_t count; /* deliveries in the queues of pairs */
} Held;

/* All zero is empty. */
typedef struct Mailbox {
    Queue ready;
    Held *held; /* NULL: no pair holds */
    Table *ids; /* all by id, once one far behind was asked for; NULL until then */
} Mailbox;

size_t mailbox_count(const Mailbox *box);

/* A new delivery arrives; takes over a reference. */
void mailbox_append(Mailbox *box, Delivery *d);

/* The delivery whose turn it is, or NULL; borrowed. It stays until consumed or attempted. */
bool mailbox_start_waits(const Mailbox *box); /* of one in which any waits */
static inline Delivery *mailbox_next(const Mailbox *box) {
    return box->held && mailbox_start_waits(box) ? NULL : box->ready.first;
}

/* The delivery with this id, or NULL; borrowed. One in the middle is found as fast as the first, however many a flood has
 * brought. */
Delivery *mailbox_find(Mailbox *box, const uint8_t id[ID_SIZE]);

/* The same if it waits for its retry, else NULL. */
Delivery *mailbox_waiting(const Mailbox *box, const uint8_t id[ID_SIZE]);

/* The delivery, which is in the box, is done with; those of its pair that waited behind it follow. Gives up the
 * reference. */
void mailbox_consumed(Mailbox *box, Delivery *d);

/* The delivery failed for the `attempt`th time and waits until `due`: a copy of it stays in its place, since a commit
 * under way may show the old one. */
void mailbox_attempted(Mailbox *box, Delivery *d, uint32_t attempt, uint64_t due);

/* The wait is over; its pair still waits behind it. */
void mailbox_retried(Mailbox *box, Delivery *d);

/* Each once; pairs that hold come in the order of this process. Start with NULL; NULL at the end. The box must not change
 * meanwhile. */
Delivery *mailbox_each(const Mailbox *box, const Delivery *last);

/* All, or all but casts, in the order of everybody: the ready ones, then pair by pair, by the ids of their first. Without
 * casts, pairs that only they hold up come before the others: they are ready once those are gone. Borrowed, in an array that ends with NULL and is to be freed. */
Delivery **mailbox_list(const Mailbox *box, bool casts);

/* Does its pair hold? It is one of the ready ones then that was tried again. */
bool mailbox_holds(const Mailbox *box, const Delivery *d);

/* Empty; drops its references. */
void mailbox_clear(Mailbox *box);

#endif
