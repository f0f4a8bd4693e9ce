/* snapshot.c - an image from records, and records from an image: see image.h */
#include <stdio.h>

#include "image.h"

/* ---- from records ---- */

static bool has_child(const Atom *a, const Record *r) {
    Address child = decode_address(r->v[0]);
    bool found = a->more && peers_find(&a->more->children, 0, no_id, &child);
    address_unref(&child);
    return found;
}

static bool awaits(const Journal *j, const uint8_t *request) {
    const Call *awaited = j ? journal_awaited(j) : NULL;
    return awaited && memcmp(awaited->request, request, ID_SIZE) == 0;
}

/* Whether what the record refers to is there; a log that was written by a domain has it all. */
static bool fits(const Image *image, Atom *a, const Record *r) {
    const Journal *j = a ? atom_journal(a) : NULL;
    switch (r->tag) {
    case R_STEP: case R_DEPLOYED: case R_AT: case R_POSTPONED: case R_STORED: case R_DIED: case R_SEEN: return true;
    case R_LEFT_GONE: case R_ARRIVED: return true;
    case R_SETUP: return r->n[1] != 0 && r->v[0].size == 32 && r->v[1].size == 32;
    case R_LEFT: return r->n[1] != 0 && r->n[1] == last_left(image_neighbour(image, (uint32_t)r->n[0])) + 1;
    case R_POSTPONED_GONE: return image_postponed_by(image, r->id) != NULL;
    case R_PINNED: case R_COLLECTED: return image_object(image, r->v[0]) != NULL;
    case R_DIED_GONE: return map_get(&image->dead, r->id, ID_SIZE) != NULL;
    case R_SETTLED: case R_SEEN_GONE: return image_once(image, r->v[0]) != NULL;
    default: break;
    }
    if (a == NULL) return false;
    switch (r->tag) {
    case R_DELIVERED: return mailbox_find(&a->mailbox, r->v[0].data) == NULL; /* it begins with its id */
    case R_CONSUMED: case R_ATTEMPTED: return mailbox_find(&a->mailbox, r->id) != NULL;
    case R_SUSPENDED: return mailbox_find(&a->mailbox, r->id) != NULL;
    case R_RETRIED: return mailbox_waiting(&a->mailbox, r->id) != NULL;
    case R_TIMER_GONE: return atom_timer(a, r->n[0]) != NULL;
    case R_KEPT_GONE: return atom_kept(a, r->n[0]) != NULL;
    case R_ASKED_GONE: return atom_asked(a, r->id) != NULL;
    case R_CALLED: return j != NULL && journal_awaited(j) == NULL;
    case R_ANSWERED: return awaits(j, r->id);
    case R_CHILD_GONE: return has_child(a, r);
    default: return r->tag < R_NOW;
    }
}

static void apply_to_atom(Image *image, Atom *a, const Record *r) {
    Address address = {0};
    Delivery *d;
    Str *bucket, *key, *value;
    switch (r->tag) {
    case R_BORN:
        address = decode_address(r->v[0]);
        image_born(image, a, r->n[0], &address);
        break;
    case R_ENDED: image_ended(image, a); break;
    case R_PUT: case R_DELETE:
        bucket = str_new(r->v[0].data, r->v[0].size), key = str_new(r->v[1].data, r->v[1].size);
        value = r->tag == R_PUT ? str_new(r->v[2].data, r->v[2].size) : NULL;
        str_unref(atom_write(a, bucket, key, value));
        str_unref(bucket), str_unref(key), str_unref(value);
        break;
    case R_DELIVERED:
        d = decode_delivery(r->v[0]);
        image_delivered(image, a, d);
        delivery_unref(d);
        break;
    case R_CONSUMED: image_consumed(image, a, mailbox_find(&a->mailbox, r->id)); break;
    case R_ATTEMPTED:
        image_attempted(image, a, mailbox_find(&a->mailbox, r->id), (uint32_t)r->n[1], r->n[2]);
        break;
    case R_RETRIED: image_retried(image, a, mailbox_waiting(&a->mailbox, r->id)); break;
    case R_TIMER_SET: image_timer_set(image, a, r->n[0], r->n[1]); break;
    case R_TIMER_GONE: image_timer_gone(image, a, r->n[0]); break;
    case R_KEPT:
        d = decode_delivery(r->v[0]);
        image_kept(image, a, r->n[0], d);
        delivery_unref(d);
        break;
    case R_KEPT_GONE: image_kept_gone(image, a, r->n[0]); break;
    case R_ASKED:
        image_asked_gone(image, a, r->id);
        address = decode_address(r->v[0]);
        image_asked(image, a, r->id, r->n[1], r->n[2], &address);
        break;
    case R_ASKED_GONE: image_asked_gone(image, a, r->id); break;
    case R_WATCHED:
        address = decode_address(r->v[0]);
        image_watched(image, a, r->n[0], r->id, &address);
        break;
    case R_WATCHED_GONE:
        address = decode_address(r->v[0]);
        image_watched_gone(image, a, r->n[0], r->id, &address);
        break;
    case R_CHILD_ENDED:
        address = decode_address(r->v[0]);
        image_child_ended(image, a, (uint32_t)r->n[0], &address);
        break;
    case R_CHILD_GONE:
        address = decode_address(r->v[0]);
        image_child_gone(image, a, &address);
        break;
    case R_SUSPENDED: image_suspended(image, a, r->id, (uint32_t)r->n[1], r->n[2], r->n[3]); break;
    case R_CALLED: image_called(image, a, r->id, r->n[1], (int)r->n[2], r->v[0]); break;
    case R_ANSWERED:
        image_answered(image, a, r->id, r->n[1], (uint32_t)r->n[2], r->n[3], r->v[0], r->v[1]);
        break;
    case R_SUBSCRIBED:
        address = decode_address(r->v[0]);
        image_subscribed(image, a, &address);
        break;
    case R_UNSUBSCRIBED:
        address = decode_address(r->v[0]);
        image_unsubscribed(image, a, &address);
        break;
    default: break;
    }
    address_unref(&address);
}

static void apply(Image *image, const Record *r) {
    Address address = {0};
    Delivery *d;
    switch (r->tag) {
    case R_STEP: image_step(image, r->n[0], r->n[1]); break;
    case R_SETUP: image_setup(image, (uint32_t)r->n[0], (uint32_t)r->n[1], r->v[0].data, r->v[1].data); break;
    case R_DEPLOYED: image_deployed(image, r->v[0]); break;
    case R_AT:
        address = address_new(r->v[0], r->v[1], 0);
        image->at = image_atom(image, address.kind, address.key);
        break;
    case R_POSTPONED:
        address = decode_address(r->v[0]);
        d = decode_delivery(r->v[1]);
        image_postponed_gone(image, d->id);
        image_postponed(image, r->n[0], &address, d);
        delivery_unref(d);
        break;
    case R_POSTPONED_GONE: image_postponed_gone(image, r->id); break;
    case R_STORED:
        image_collected(image, r->v[0]);
        image_stored(image, r->n[0], (uint32_t)r->n[1], r->v[0], r->v[1]);
        break;
    case R_PINNED: image_pinned(image, r->n[0], (uint32_t)r->n[1], r->v[0]); break;
    case R_COLLECTED: image_collected(image, r->v[0]); break;
    case R_DIED: image_died(image, r->v[2].data, slice(r->data, r->size)); break; /* a delivery begins with its id */
    case R_DIED_GONE: image_died_gone(image, r->id); break;
    case R_SEEN: image_seen(image, r->n[0], r->v[0]); break;
    case R_SETTLED: image_settled(image, (uint32_t)r->n[0], r->v[0], r->v[1], r->v[2]); break;
    case R_SEEN_GONE: image_seen_gone(image, r->v[0]); break;
    case R_LEFT: image_left(image, (uint32_t)r->n[0], r->v[0]); break;
    case R_LEFT_GONE: image_left_gone(image, (uint32_t)r->n[0], r->n[1]); break;
    case R_ARRIVED: image_arrived(image, (uint32_t)r->n[0], r->n[1]); break;
    default: apply_to_atom(image, image->at, r); break;
    }
    address_unref(&address);
}

const char *image_load(Image *image, Slice body, char error[200]) {
    Reader check = reader_of(body), reader = check;
    Record r;
    while (next_record(&check, &r)) {}
    if (check.error[0]) {
        snprintf(error, 200, "frame: %s", check.error);
        return error;
    }
    while (next_record(&reader, &r)) {
        if (!fits(image, image->at, &r)) {
            snprintf(error, 200, "frame: the record at byte %zu does not fit what is before it", (size_t)(r.data - body.data));
            return error;
        }
        apply(image, &r);
    }
    return NULL;
}

/* ---- to records ---- */

typedef int (*Compare)(const void *, const void *);

/* The items of a table in an order that is everybody's; to be freed. */
static void **sorted(const Table *table, Compare compare) {
    void **items = xmalloc((table->count + 1) * sizeof *items), *item;
    size_t count = 0;
    for (size_t at = 0; (item = table_next(table, &at)) != NULL;) items[count++] = item;
    items[count] = NULL;
    qsort(items, count, sizeof *items, compare);
    return items;
}

static int by_name(const void *a, const void *b) {
    return slice_compare(slice_of(**(Str ***)a), slice_of(**(Str ***)b));
}

static int by_token(const void *a, const void *b) {
    uint64_t one = **(const uint64_t **)a, two = **(const uint64_t **)b;
    return one < two ? -1 : one > two;
}

static int by_id(const void *a, const void *b) { return memcmp(*(void *const *)a, *(void *const *)b, ID_SIZE); }

static int by_delivery(const void *a, const void *b) {
    return memcmp((*(Postponed *const *)a)->delivery->id, (*(Postponed *const *)b)->delivery->id, ID_SIZE);
}

static int by_address(const void *a, const void *b) {
    const Atom *one = *(Atom *const *)a, *two = *(Atom *const *)b;
    int order = slice_compare(slice_of(one->kind), slice_of(two->kind));
    return order ? order : slice_compare(slice_of(one->key), slice_of(two->key));
}


static void put_entries(const State *s, Buffer *out) {
    for (size_t i = 0; i < s->count; i++) {
        const Bucket *b = &s->buckets[i];
        Cursor at;
        for (int there = map_first(&b->entries, &at); there; there = map_next(&at)) {
            put_record(out, R_PUT, slice_of(b->name), slice_of(cursor_key(&at)), slice_of(cursor_value(&at)));
        }
    }
}

void atom_entries(const Atom *a, Buffer *out) {
    State *s = a->state;
    if (s == NULL) return;
    if (s->undos == 0) {
        put_entries(s, out);
    } else { /* a suspended turn: put back what was, and again what it wrote */
        Atom *mutable_ = (Atom *)a;
        for (size_t i = 0; i < s->undos; i++) {
            str_unref(atom_write(mutable_, s->undo[i].bucket, s->undo[i].key, s->undo[i].old));
        }
        put_entries(s, out);
        for (size_t i = 0; i < s->undos; i++) {
            str_unref(atom_write(mutable_, s->undo[i].bucket, s->undo[i].key, s->undo[i].new));
        }
    }
}

static void put_mailbox(const Mailbox *box, Buffer *out) {
    Delivery **list = mailbox_list(box, false); /* casts are in no snapshot */
    for (Delivery **at = list; *at; at++) {
        const Delivery *d = *at;
        put_record(out, R_DELIVERED, d);
        if (d->waits) {
            put_record(out, R_ATTEMPTED, d->id, d->attempt, d->due);
        } else if (d->held == NULL && mailbox_holds(box, d)) { /* its wait is over, and its pair waits behind it */
            put_record(out, R_ATTEMPTED, d->id, d->attempt, (uint64_t)0);
            put_record(out, R_RETRIED, d->id);
        }
    }
    free(list);
}

static void put_more(const More *more, Buffer *out) {
    void **items = sorted(&more->timers, by_token);
    for (void **at = items; *at; at++) put_record(out, R_TIMER_SET, ((Timer *)*at)->token, ((Timer *)*at)->due);
    free(items);
    items = sorted(&more->kept, by_token);
    for (void **at = items; *at; at++) put_record(out, R_KEPT, ((Kept *)*at)->token, ((Kept *)*at)->message);
    free(items);
    items = sorted(&more->asked, by_id);
    for (void **at = items; *at; at++) {
        put_asked(out, *at);
    }
    free(items);
    for (const Peer *p = more->watchers.first; p; p = p->next) {
        put_record(out, R_WATCHED, p->token, p->request, &p->address);
    }
    for (const Peer *p = more->children.first; p; p = p->next) put_record(out, R_CHILD_ENDED, p->status, &p->address);
    for (const Peer *p = more->subscribers.first; p; p = p->next) {
        if (!kind_is(&p->address, "@listener")) put_record(out, R_SUBSCRIBED, &p->address);
    }
}

static void put_journal(const Journal *j, Buffer *out) {
    put_record(out, R_SUSPENDED, j->id, j->attempt, j->step, j->time);
    for (size_t i = 0; i < j->count; i++) {
        const Call *c = &j->calls[i];
        put_record(out, R_CALLED, c->request, c->deadline, c->what, slice_of(c->digest));
        if (!c->answered) continue;
        put_record(
            out, R_ANSWERED, c->request, c->time, c->code, c->value, slice_of(c->metadata), slice_of(c->body));
    }
}

static void put_atom(Atom *a, Buffer *out) {
    static const Address nowhere;
    const Journal *j = atom_journal(a);
    size_t from = out->size, after;
    put_record(out, R_AT, slice_of(a->kind), slice_of(a->key));
    after = out->size;
    if (a->life) put_record(out, R_BORN, a->life, a->more ? &a->more->parent : &nowhere);
    atom_entries(a, out);
    if (a->more) put_more(a->more, out);
    put_mailbox(&a->mailbox, out);
    if (j && !mailbox_find(&a->mailbox, j->id)->cast) put_journal(j, out);
    if (out->size == after) out->size = from; /* nothing would be left of it in a log */
}

static void put_neighbours(const Image *image, Buffer *out) {
    for (size_t i = 0; i < image->neighbour_count; i++) {
        const Neighbour *n = &image->neighbours[i];
        if (n->gone) put_record(out, R_LEFT_GONE, n->domain, n->gone);
        for (size_t k = 0; k < n->count; k++) {
            put_record(out, R_LEFT, n->domain, n->gone + 1 + k, slice_of(n->outbox[n->from + k]));
        }
    }
    for (size_t i = 0; i < image->neighbour_count; i++) {
        const Neighbour *n = &image->neighbours[i];
        if (n->heard) put_record(out, R_ARRIVED, n->domain, n->heard);
    }
}

void image_records(Image *image, Buffer *out) {
    void **items;
    Cursor at;
    put_record(out, R_SETUP, image->domain, image->domains, slice(image->seed, 32), slice(image->secret, 32));
    put_record(out, R_DEPLOYED, slice_of(image->digest));
    put_record(out, R_STEP, image->step, image->time);
    items = sorted(&image->objects, by_name);
    for (void **item = items; *item; item++) {
        const Object *o = *item;
        put_record(out, R_STORED, o->expires, o->pins, slice_of(o->name), slice_of(o->body));
    }
    free(items);
    items = sorted(&image->seen, by_name);
    for (void **item = items; *item; item++) {
        const Once *once = *item;
        put_record(out, R_SEEN, once->expires, slice_of(once->key));
        if (!once->settled) continue;
        put_record(out, R_SETTLED, once->code, slice_of(once->key), slice_of(once->metadata), slice_of(once->body));
    }
    free(items);
    for (int there = map_first(&image->dead, &at); there; there = map_next(&at)) {
        buffer_put(out, cursor_value(&at)->data, cursor_value(&at)->size);
    }
    items = sorted(&image->postponed, by_delivery);
    for (void **item = items; *item; item++) {
        const Postponed *p = *item;
        put_record(out, R_POSTPONED, p->due, &p->to, p->delivery);
    }
    free(items);
    put_neighbours(image, out);
    items = sorted(&image->atoms, by_address);
    for (void **item = items; *item; item++) {
        if (!((Atom *)*item)->volatile_) put_atom(*item, out);
    }
    free(items);
}
