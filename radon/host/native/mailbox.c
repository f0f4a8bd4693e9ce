/* mailbox.c - see mailbox.h */
#include "mailbox.h"

enum { NAMED, SENDER, TIMERS, STARTS, ALONE };
enum { NEAR = 8 }; /* so many are looked at before a mailbox is indexed */

/* ---- queues ---- */

static void queue_append(Queue *q, Delivery *d) {
    d->next = NULL;
    d->prev = q->last;
    if (q->last) q->last->next = d;
    else q->first = d;
    q->last = d;
    q->count++;
}

static void queue_push_front(Queue *q, Delivery *d) {
    d->prev = NULL;
    d->next = q->first;
    if (q->first) q->first->prev = d;
    else q->last = d;
    q->first = d;
    q->count++;
}

static void queue_remove(Queue *q, Delivery *d) {
    if (d->prev) d->prev->next = d->next;
    else q->first = d->next;
    if (d->next) d->next->prev = d->prev;
    else q->last = d->prev;
    d->next = d->prev = NULL;
    q->count--;
}

/* ---- pairs ---- */

/* What the delivery's pair is called: the strings are the delivery's own. */
static Pair pair_of(const Delivery *d) {
    Pair p = {.class = ALONE};
    if (d->pair) {
        p.class = NAMED, p.a = d->pair;
    } else if (!is_nowhere(&d->sender)) {
        p.class = SENDER, p.a = d->sender.kind, p.b = d->sender.key;
    } else if (d->form == FIRED) {
        p.class = TIMERS;
    } else if (d->form == START) {
        p.class = STARTS;
    } else {
        memcpy(p.id, d->id, ID_SIZE);
    }
    p.hash = bytes_hash(p.id, ID_SIZE) ^ hash_u64((uint64_t)p.class);
    if (p.a) p.hash ^= bytes_hash(p.a->data, p.a->size);
    if (p.b) p.hash = hash_u64(p.hash ^ bytes_hash(p.b->data, p.b->size));
    return p;
}

static int same_pair(const void *item, const void *key) {
    const Pair *p = item, *q = key;
    return p->class == q->class && slice_equal(slice_of(p->a), slice_of(q->a)) &&
           slice_equal(slice_of(p->b), slice_of(q->b)) && memcmp(p->id, q->id, ID_SIZE) == 0;
}

static Pair *find_pair(const Held *held, const Delivery *d) {
    Pair name = pair_of(d);
    return table_find(&held->pairs, name.hash, same_pair, &name);
}

static Pair *make_pair(Held *held, const Delivery *d) {
    Pair name = pair_of(d), *p = table_find(&held->pairs, name.hash, same_pair, &name);
    if (p) return p;
    p = xmalloc(sizeof *p);
    *p = name;
    str_ref(p->a), str_ref(p->b);
    table_insert(&held->pairs, p->hash, p);
    return p;
}

static void free_pair(Pair *p) {
    str_unref(p->a), str_unref(p->b);
    free(p);
}

static void forget_if_empty(Held *held, Pair *p) {
    if (p->ready || p->holds) return;
    table_remove(&held->pairs, p->hash, same_pair, p);
    free_pair(p);
}

static void free_held(Held *held) {
    Pair *p;
    for (size_t at = 0; (p = table_next(&held->pairs, &at)) != NULL;) free_pair(p);
    table_clear(&held->pairs);
    table_clear(&held->waiting);
    free(held);
}

static int has_id(const void *item, const void *key) { return memcmp(((const Delivery *)item)->id, key, ID_SIZE) == 0; }

static int is_itself(const void *item, const void *key) { return item == key; }

static uint64_t id_hash(const uint8_t *id) { return bytes_hash(id, ID_SIZE); }

static void enter_id(Mailbox *box, Delivery *d) {
    if (box->ids) table_insert(box->ids, id_hash(d->id), d);
}

static void leave_id(Mailbox *box, Delivery *d) {
    if (box->ids) table_remove(box->ids, id_hash(d->id), is_itself, d);
}

static void free_ids(Mailbox *box) {
    if (box->ids) table_clear(box->ids);
    free(box->ids);
    box->ids = NULL;
}

/* The pair begins to hold: those of it that are ready leave the queue for its own. */
static void begin_to_hold(Mailbox *box, Pair *p) {
    Held *held = box->held;
    p->holds = true;
    p->next = NULL;
    p->prev = held->last;
    if (held->last) held->last->next = p;
    else held->first = p;
    held->last = p;
    if (p->ready == 0) return; /* most have none, and a flood of failures would look through all for each */
    for (Delivery *d = box->ready.first, *next; d; d = next) {
        Pair name = pair_of(d);
        next = d->next;
        if (name.hash != p->hash || !same_pair(p, &name)) continue;
        queue_remove(&box->ready, d);
        queue_append(&p->queue, d);
        d->held = p;
        held->count++;
    }
    p->ready = 0;
}

/* The pair holds no more: those that waited follow. The last one to hold takes the bookkeeping with it. */
static void release(Mailbox *box, Pair *p) {
    Held *held = box->held;
    while (p->queue.first) {
        Delivery *d = p->queue.first;
        queue_remove(&p->queue, d);
        queue_append(&box->ready, d);
        d->held = NULL;
        held->count--;
        p->ready++;
    }
    p->holds = false;
    if (p->prev) p->prev->next = p->next;
    else held->first = p->next;
    if (p->next) p->next->prev = p->prev;
    else held->last = p->prev;
    if (held->first == NULL) {
        free_held(held);
        box->held = NULL;
    } else {
        forget_if_empty(held, p);
    }
}

/* Out of its queue, still with its reference. */
static void take(Mailbox *box, Delivery *d) {
    Held *held = box->held;
    leave_id(box, d);
    if (d->held) {
        queue_remove(&d->held->queue, d);
        held->count--;
        if (d->waits) table_remove(&held->waiting, id_hash(d->id), is_itself, d);
        d->waits = false;
        d->held = NULL;
        return;
    }
    queue_remove(&box->ready, d);
    if (held) {
        Pair *p = find_pair(held, d);
        p->ready--;
    }
}

/* ---- the interface ---- */

size_t mailbox_count(const Mailbox *box) { return box->ready.count + (box->held ? box->held->count : 0); }

void mailbox_append(Mailbox *box, Delivery *d) {
    enter_id(box, d);
    if (box->held) {
        Pair *p = make_pair(box->held, d);
        if (p->holds) {
            queue_append(&p->queue, d);
            d->held = p;
            box->held->count++;
            return;
        }
        p->ready++;
    }
    queue_append(&box->ready, d);
}

bool mailbox_start_waits(const Mailbox *box) {
    Pair start = {.class = STARTS, .hash = bytes_hash(no_id, ID_SIZE) ^ hash_u64(STARTS)};
    const Pair *p = table_find(&box->held->pairs, start.hash, same_pair, &start);
    return p && p->holds && p->queue.first && p->queue.first->waits;
}

Delivery *mailbox_waiting(const Mailbox *box, const uint8_t id[ID_SIZE]) {
    return box->held ? table_find(&box->held->waiting, id_hash(id), has_id, id) : NULL;
}

Delivery *mailbox_find(Mailbox *box, const uint8_t id[ID_SIZE]) {
    Delivery *d = box->ready.first;
    if (box->ids) return table_find(box->ids, id_hash(id), has_id, id);
    for (size_t n = 0; d && n < NEAR; n++, d = d->next) {
        if (memcmp(d->id, id, ID_SIZE) == 0) return d;
    }
    if ((d = mailbox_waiting(box, id)) != NULL || mailbox_count(box) == 0) return d;
    box->ids = xcalloc(1, sizeof *box->ids);
    for (d = mailbox_each(box, NULL); d; d = mailbox_each(box, d)) enter_id(box, d);
    return table_find(box->ids, id_hash(id), has_id, id);
}

void mailbox_consumed(Mailbox *box, Delivery *d) {
    take(box, d);
    if (box->held) {
        Pair *p = find_pair(box->held, d);
        if (p && p->holds) {
            if (!(p->queue.first && p->queue.first->waits)) release(box, p); /* else it waited behind another one */
        } else if (p) {
            forget_if_empty(box->held, p);
        }
    }
    if (mailbox_count(box) == 0) free_ids(box);
    delivery_unref(d);
}

void mailbox_attempted(Mailbox *box, Delivery *old, uint32_t attempt, uint64_t due) {
    Delivery *d = delivery_copy(old);
    Pair *p;
    if (box->held == NULL) {
        box->held = xcalloc(1, sizeof *box->held);
        for (Delivery *each = box->ready.first; each; each = each->next) make_pair(box->held, each)->ready++;
    }
    take(box, old);
    d->attempt = attempt;
    p = make_pair(box->held, d);
    if (!p->holds) begin_to_hold(box, p);
    queue_push_front(&p->queue, d);
    d->held = p;
    box->held->count++;
    d->due = due;
    d->waits = true;
    table_insert(&box->held->waiting, id_hash(d->id), d);
    enter_id(box, d);
    delivery_unref(old);
}

void mailbox_retried(Mailbox *box, Delivery *d) {
    Pair *p = d->held;
    take(box, d);
    enter_id(box, d);
    p->ready++;
    if (d->form == START) queue_push_front(&box->ready, d);
    else queue_append(&box->ready, d);
}

Delivery *mailbox_each(const Mailbox *box, const Delivery *last) {
    const Pair *p;
    if (last == NULL && box->ready.first) return box->ready.first;
    if (last && last->next) return last->next;
    p = last && last->held ? last->held->next : box->held ? box->held->first : NULL;
    while (p && p->queue.first == NULL) p = p->next;
    return p ? p->queue.first : NULL;
}

/* A pair that holds, and the first of it that is listed. */
typedef struct Listed {
    const Delivery *first;
    const Pair *pair;
} Listed;

static int by_first(const void *a, const void *b) {
    const Pair *one = ((const Listed *)a)->pair, *two = ((const Listed *)b)->pair;
    if (one->stays != two->stays) return one->stays - two->stays;
    return memcmp(((const Listed *)a)->first->id, ((const Listed *)b)->first->id, ID_SIZE);
}

/* Appends a queue to the list; where that ends then. */
static Delivery **list_queue(Delivery **end, const Queue *q, bool casts) {
    for (Delivery *d = q->first; d; d = d->next) {
        if (casts || !d->cast) *end++ = d;
    }
    return end;
}

/* Which pairs hold when all casts are gone: those of which one waits, or was tried again and is ready. */
static void find_staying(const Mailbox *box) {
    for (Pair *p = box->held->first; p; p = p->next) p->stays = p->queue.first && p->queue.first->waits && !p->queue.first->cast;
    for (const Delivery *d = box->ready.first; d; d = d->next) {
        Pair *p = d->cast ? NULL : find_pair(box->held, d);
        if (p && p->holds) p->stays = true;
    }
}

Delivery **mailbox_list(const Mailbox *box, bool casts) {
    Delivery **list = xmalloc((mailbox_count(box) + 1) * sizeof *list), **end = list_queue(list, &box->ready, casts);
    if (box->held) {
        Listed *pairs = xmalloc(box->held->pairs.count * sizeof *pairs);
        size_t count = 0;
        for (Pair *p = box->held->first; p; p = p->next) p->stays = true;
        if (!casts) find_staying(box);
        for (const Pair *p = box->held->first; p; p = p->next) {
            const Delivery *d = p->queue.first;
            while (d && d->cast && !casts) d = d->next;
            if (d) pairs[count++] = (Listed){d, p};
        }
        qsort(pairs, count, sizeof *pairs, by_first);
        for (size_t i = 0; i < count; i++) end = list_queue(end, &pairs[i].pair->queue, casts);
        free(pairs);
    }
    *end = NULL;
    return list;
}

bool mailbox_holds(const Mailbox *box, const Delivery *d) {
    const Pair *p = box->held ? find_pair(box->held, d) : NULL;
    return p && p->holds;
}

void mailbox_clear(Mailbox *box) {
    Delivery *next;
    for (Delivery *d = mailbox_each(box, NULL); d; d = next) {
        next = mailbox_each(box, d);
        d->next = d->prev = NULL;
        d->held = NULL;
        d->waits = false;
        delivery_unref(d);
    }
    if (box->held) free_held(box->held);
    free_ids(box);
    *box = (Mailbox){0};
}
